/*
 * The guest's end of the line protocol (docs/guest-agent.md): lines from the host, a bounded queue of lines to it, base64, CRC-32.
 *
 * Nothing here waits. What the port does not take stays in the queue; whoever produces data asks for room first, and the port is not read
 * while there is no room for answers, so the host's own writes wait then.
 */
enum { LINE_MAX = 32768, CHUNK_MAX = 16384, QUEUE_MAX = 262144, QUEUE_RESERVE = 65536 };

static int port = -1;
static char line_in[LINE_MAX];
static u32 line_length;
static int line_too_long;
static u8 queue[QUEUE_MAX];
static u32 queue_start, queue_end;

static u32 queue_room(void) { return QUEUE_MAX - (queue_end - queue_start); }
/* May a request put a chunk of data into the queue? Answers have room besides. */
static int room_for_data(void) { return queue_room() > QUEUE_RESERVE + CHUNK_MAX * 2; }
static int room_for_answers(void) { return queue_room() > QUEUE_RESERVE / 2; }

static void flush(void) {
  while (port >= 0 && queue_start < queue_end) {
    u32 size = queue_end - queue_start;
    long done = sys_write(port, queue + queue_start, size > 32768 ? 32768 : size);
    if (done <= 0) return;
    queue_start += (u32)done;
  }
  if (queue_start == queue_end) queue_start = queue_end = 0;
}
static void put_bytes(const void *bytes, u32 size) {
  if (QUEUE_MAX - queue_end < size) {
    memmove(queue, queue + queue_start, queue_end - queue_start);
    queue_end -= queue_start;
    queue_start = 0;
  }
  /* Past every reserve: the line is lost rather than the agent. */
  if (QUEUE_MAX - queue_end < size) return;
  copy_block(queue + queue_end, bytes, size);
  queue_end += size;
}
static void put_text(const char *text) { put_bytes(text, (u32)length_of(text)); }
static void put_number(u64 value) {
  char digits[24] = "";
  append_number(digits, sizeof digits, value);
  put_text(digits);
}
/* The beginning of an answer: "ID WORD". */
static void answer(u32 id, const char *word) {
  put_number(id);
  put_text(" ");
  put_text(word);
}
static void end_line(void) { put_text("\n"); }

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/* Two characters for each twelve bits, and the value of each character: under emulation every instruction counts. */
static u16 pair_of[4096];
static signed char digit_of[256];

static void make_base64_tables(void) {
  for (u32 i = 0; i < 4096; i++) pair_of[i] = (u16)(ALPHABET[i >> 6] | ALPHABET[i & 63] << 8);
  for (u32 i = 0; i < 256; i++) digit_of[i] = -1;
  for (u32 i = 0; i < 64; i++) digit_of[(u8)ALPHABET[i]] = (signed char)i;
}
/* At most CHUNK_MAX bytes. */
static void put_base64(const u8 *from, u32 size) {
  static u16 text[CHUNK_MAX];
  u32 n = 0, i = 0;
  for (; i + 2 < size; i += 3) {
    u32 bits = (u32)from[i] << 16 | (u32)from[i + 1] << 8 | from[i + 2];
    text[n++] = pair_of[bits >> 12];
    text[n++] = pair_of[bits & 4095];
  }
  if (i < size) {
    u32 bits = (u32)from[i] << 16 | (i + 1 < size ? (u32)from[i + 1] << 8 : 0);
    text[n++] = pair_of[bits >> 12];
    text[n++] = (u16)((i + 1 < size ? ALPHABET[bits >> 6 & 63] : '=') | '=' << 8);
  }
  put_bytes(text, n * 2);
}
/* In place: text becomes bytes, ended by a zero. Returns their number, or -1 for what is no base64. */
static long from_base64(char *text) {
  u64 length = length_of(text), i;
  u8 *to = (u8 *)text;
  long n = 0;
  if (length % 4) return -1;
  for (i = 0; i < length; i += 4) {
    const u8 *t = (u8 *)text + i;
    int last = i + 4 == length, pads = last ? (t[3] == '=') + (t[3] == '=' && t[2] == '=') : 0;
    int a = digit_of[t[0]], b = digit_of[t[1]], c = pads == 2 ? 0 : digit_of[t[2]], d = pads ? 0 : digit_of[t[3]];
    if ((a | b | c | d) < 0) return -1;
    to[n++] = (u8)(a << 2 | b >> 4);
    if (pads < 2) to[n++] = (u8)(b << 4 | c >> 2);
    if (pads < 1) to[n++] = (u8)(c << 6 | d);
  }
  if (n < LINE_MAX) to[n] = 0;
  return n;
}

/* Of a byte that is followed by 0, 1, 2 or 3 others. */
static u32 crc_table[4][256];
static void make_crc_table(void) {
  for (u32 i = 0; i < 256; i++) {
    u32 value = i;
    for (int bit = 0; bit < 8; bit++) value = value & 1 ? value >> 1 ^ 0xedb88320u : value >> 1;
    crc_table[0][i] = value;
  }
  for (u32 k = 1; k < 4; k++)
    for (u32 i = 0; i < 256; i++) crc_table[k][i] = crc_table[0][crc_table[k - 1][i] & 255] ^ crc_table[k - 1][i] >> 8;
}
/* Begins with 0, as zlib's; four bytes a step. */
static u32 crc32_of(u32 crc, const u8 *from, long size) {
  crc = ~crc;
  for (; size >= 4; size -= 4, from += 4) {
    crc ^= *(const u32 *)from;
    crc = crc_table[3][crc & 255] ^ crc_table[2][crc >> 8 & 255] ^ crc_table[1][crc >> 16 & 255] ^ crc_table[0][crc >> 24];
  }
  while (size-- > 0) crc = crc_table[0][(crc ^ *from++) & 255] ^ crc >> 8;
  return ~crc;
}

/* "ID fail CODE BASE64": what was tried and why not, in words. */
static void refuse(u32 id, const char *code, const char *message) {
  answer(id, "fail ");
  put_text(code);
  put_text(" ");
  put_base64((const u8 *)message, (u32)length_of(message));
  end_line();
}
static const char *code_of(long error) {
  switch (-error) {
    case ENOENT: return "not-found";
    case ENOSPC: case EDQUOT: return "no-space";
    default: return "failed";
  }
}
static const char *words_of(long error) {
  switch (-error) {
    case ENOENT: return "no such file or folder";
    case EACCES: return "permission denied (is it executable?)";
    case EBUSY: return "busy";
    case EEXIST: return "it is there already";
    case ENOTDIR: return "a part of the path is no folder";
    case EISDIR: return "it is a folder";
    case ENOSPC: case EDQUOT: return "the guest's disk is full";
    case EROFS: return "the guest's file system is read-only";
    case 8: return "not a program that this machine can run";
    default: return 0;
  }
}
/* "WHAT: reason", where the reason is the system's. */
static void refuse_error(u32 id, const char *what, const char *on, long error) {
  static char message[1024];
  const char *words = words_of(error);
  message[0] = 0;
  append(message, sizeof message, what);
  append(message, sizeof message, on);
  append(message, sizeof message, ": ");
  if (words) append(message, sizeof message, words);
  else {
    append(message, sizeof message, "error ");
    append_number(message, sizeof message, (u64)-error);
    append(message, sizeof message, " of the guest's kernel");
  }
  refuse(id, code_of(error), message);
}
