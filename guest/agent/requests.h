/*
 * What the host has asked for and is not over: a table of fixed size, and how bytes flow in it.
 *
 * Flow control is by credit, both ways. Output: a request sends no more than the host has granted (`more`), so a guest's flood waits in
 * the guest's own pipes. Input: the host may send WINDOW bytes before the first grant; what a process does not read waits here.
 */
enum { REQUESTS_MAX = 16, WINDOW = 262144, GRANT_MIN = 32768 };

enum kind { FREE, EXEC, PUT, GET, HOOK };

struct request {
  enum kind kind;
  u32 id;
  /* Bytes that may still be sent to the host. */
  u64 credit;
  /* EXEC and HOOK: */
  long pid;
  int exited, status, tty;
  int in, out, err, failure;
  int in_ending;
  u32 in_start, in_end, in_used;
  /* PUT and GET: */
  int file;
  u32 mode, crc;
  u64 size, moved;
  int sized;
  char *path;
};

static struct request requests[REQUESTS_MAX];
static u8 input[REQUESTS_MAX][WINDOW];
static char paths[REQUESTS_MAX][4096 + 64];

static struct request *find_request(u32 id) {
  for (int i = 0; i < REQUESTS_MAX; i++)
    if (requests[i].kind != FREE && requests[i].id == id) return &requests[i];
  return 0;
}
static struct request *new_request(u32 id, enum kind kind) {
  if (find_request(id)) {
    refuse(id, "failed", "a request of that number is open");
    return 0;
  }
  for (int i = 0; i < REQUESTS_MAX; i++) {
    struct request *r = &requests[i];
    if (r->kind != FREE) continue;
    memset(r, 0, sizeof *r);
    r->kind = kind;
    r->id = id;
    r->credit = WINDOW;
    r->in = r->out = r->err = r->failure = r->file = -1;
    r->path = paths[i];
    return r;
  }
  refuse(id, "busy", "16 requests are open in the guest, which is the limit");
  return 0;
}
static void close_fd(int *fd) {
  if (*fd >= 0) sys_close(*fd);
  *fd = -1;
}
static void free_request(struct request *r) {
  close_fd(&r->in);
  close_fd(&r->out);
  close_fd(&r->err);
  close_fd(&r->failure);
  close_fd(&r->file);
  r->kind = FREE;
}
static void grant(struct request *r, u64 bytes) {
  answer(r->id, "more ");
  put_number(bytes);
  end_line();
}
static void send_data(struct request *r, const char *word, const u8 *from, long size) {
  answer(r->id, word);
  put_text(" ");
  put_base64(from, (u32)size);
  end_line();
  r->credit -= (u64)size;
}
