/*
 * Files, to the guest and from it, a chunk at a time.
 *
 * What comes in is written beside its place and renamed when size and checksum are what the host said, so nobody sees half of it; its room
 * on the disk is taken before the first byte moves. What goes out is read as it is: one that changes its size meanwhile is refused.
 */
static void abort_put(struct request *r) {
  if (r->kind == PUT && r->file >= 0) sys_unlink(r->path);
  free_request(r);
}
static void fail_file(struct request *r, const char *what, const char *on, long error) {
  refuse_error(r->id, what, on, error);
  abort_put(r);
}

/* put MODE SIZE BASE64PATH: bytes follow as `in`, their checksum as `end`. */
static void begin_put(u32 id, u32 mode, u64 size, char *path) {
  struct stat there;
  struct request *r;
  long error;
  if (sys_stat(path, &there) == 0 && (there.mode & S_IFMT) == S_IFDIR) {
    refuse_error(id, "cannot write ", path, -EISDIR);
    return;
  }
  r = new_request(id, PUT);
  if (!r) return;
  r->mode = mode;
  r->size = size;
  r->path[0] = 0;
  append(r->path, sizeof paths[0], path);
  append(r->path, sizeof paths[0], ".blixard-");
  append_number(r->path, sizeof paths[0], id);
  r->file = open_file(r->path, O_WRONLY | O_CREAT | O_TRUNC);
  if (r->file < 0) {
    fail_file(r, "cannot write ", path, r->file);
    return;
  }
  error = size > 0 ? sys_fallocate(r->file, 0, 0, (long)size) : 0;
  if (error == -ENOSPC || error == -EDQUOT) fail_file(r, "cannot write ", path, error);
}
static void take_file_bytes(struct request *r, const u8 *from, long size) {
  long done = 0, wrote;
  if (r->moved + (u64)size > r->size) {
    refuse(r->id, "failed", "more bytes came than were announced");
    abort_put(r);
    return;
  }
  while (done < size) {
    wrote = sys_write(r->file, from + done, size - done);
    if (wrote <= 0) {
      fail_file(r, "cannot write the file", "", wrote < 0 ? wrote : -EIO);
      return;
    }
    done += wrote;
  }
  r->crc = crc32_of(r->crc, from, size);
  r->moved += (u64)size;
  r->in_used += (u32)size;
  if (r->in_used >= GRANT_MIN) {
    grant(r, r->in_used);
    r->in_used = 0;
  }
}
static void finish_put(struct request *r, u64 crc) {
  static char target[4096 + 64];
  long error;
  u64 n = length_of(r->path);
  if (r->moved != r->size || r->crc != crc) {
    refuse(r->id, "damaged", "size or checksum is not what was announced; the file stays as it was");
    abort_put(r);
    return;
  }
  target[0] = 0;
  append(target, sizeof target, r->path);
  while (target[--n] != '.') continue;
  target[n] = 0;
  error = sys_fchmod(r->file, (int)r->mode);
  if (error >= 0) error = sys_fsync(r->file);
  if (error >= 0) error = sys_rename(r->path, target);
  if (error < 0) {
    fail_file(r, "cannot write ", target, error);
    return;
  }
  answer(r->id, "done");
  end_line();
  free_request(r);
}

/* get BASE64PATH: "begin SIZE MODE", bytes as `out`, "done CRC". What says that it has no bytes, as in /proc, is read to its end. */
static void begin_get(u32 id, char *path) {
  struct stat there;
  struct request *r = new_request(id, GET);
  if (!r) return;
  r->file = open_file(path, O_RDONLY | O_NONBLOCK);
  if (r->file < 0 || sys_fstat(r->file, &there) < 0) {
    fail_file(r, "cannot read ", path, r->file < 0 ? r->file : -EIO);
    return;
  }
  if ((there.mode & S_IFMT) != S_IFREG) {
    refuse(id, "failed", (there.mode & S_IFMT) == S_IFDIR ? "cannot read it: it is a folder" : "cannot read it: it is no plain file");
    free_request(r);
    return;
  }
  r->size = (u64)there.size;
  r->sized = there.size > 0;
  answer(id, "begin ");
  put_number(r->size);
  put_text(" ");
  for (int shift = 9; shift >= 0; shift -= 3) put_number(there.mode >> shift & 7);
  end_line();
}
/* Returns whether it wants to be asked again at once. */
static int serve_get(struct request *r) {
  static u8 chunk[CHUNK_MAX];
  long size = CHUNK_MAX, got;
  int whole = r->sized && r->moved == r->size;
  if (!room_for_data() || (r->credit == 0 && !whole)) return 0;
  if (r->sized && r->size - r->moved < (u64)size) size = (long)(r->size - r->moved);
  if (r->credit < (u64)size) size = (long)r->credit;
  got = whole ? 0 : sys_read(r->file, chunk, size);
  if (got > 0) {
    r->crc = crc32_of(r->crc, chunk, got);
    r->moved += (u64)got;
    send_data(r, "out", chunk, got);
    return 1;
  }
  if (got < 0) refuse_error(r->id, "cannot read the file", "", got);
  else if (r->sized && !whole) refuse(r->id, "failed", "the file became shorter while it was read");
  else {
    answer(r->id, "done ");
    put_number(r->crc);
    end_line();
  }
  free_request(r);
  return 0;
}
