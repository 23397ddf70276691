/*
 * The guest agent's ground: Linux system calls of x86-64 and the few functions of memory and text that a program without a C library needs.
 *
 * No library, so that any C compiler alone can build it (gcc, clang, tcc), the result is 30 kB that starts in a moment, and nothing of the
 * host's libc gets into a guest. Numbers and layouts are the kernel's, which never change: include/uapi of Linux.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

/* sys(number, a, b, c, d, e, f): the seventh argument lies on the stack. Returns -errno for a failure. */
long sys(long number, long a, long b, long c, long d, long e, long f);
__asm__(".globl sys\n"
        "sys:\n"
        "  mov %rdi, %rax\n  mov %rsi, %rdi\n  mov %rdx, %rsi\n  mov %rcx, %rdx\n"
        "  mov %r8, %r10\n  mov %r9, %r8\n  mov 8(%rsp), %r9\n"
        "  syscall\n  ret\n"
        ".globl _start\n"
        "_start:\n"
        "  mov %rsp, %rdi\n  and $-16, %rsp\n  call start\n");

#define SYS0(n) sys(n, 0, 0, 0, 0, 0, 0)
#define SYS1(n, a) sys(n, (long)(a), 0, 0, 0, 0, 0)
#define SYS2(n, a, b) sys(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define SYS3(n, a, b, c) sys(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define SYS4(n, a, b, c, d) sys(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

enum {
  ENOENT = 2, EIO = 5, EAGAIN = 11, EACCES = 13, EBUSY = 16, EEXIST = 17, ENOTDIR = 20, EISDIR = 21, ENOTTY = 25,
  ENOSPC = 28, EROFS = 30, EPIPE = 32, EOPNOTSUPP = 95, EDQUOT = 122,
  O_RDONLY = 0, O_WRONLY = 1, O_RDWR = 2, O_CREAT = 0100, O_EXCL = 0200, O_NOCTTY = 0400, O_TRUNC = 01000,
  O_NONBLOCK = 04000, O_DIRECTORY = 0200000, O_CLOEXEC = 02000000,
  POLLIN = 1, POLLOUT = 4, POLLERR = 8, POLLHUP = 16,
  SIGHUP = 1, SIGKILL = 9, SIGPIPE = 13, SIGTERM = 15, SIGCHLD = 17,
  S_IFMT = 0170000, S_IFREG = 0100000, S_IFDIR = 0040000,
};

struct pollfd { int fd; short events; short revents; };
struct timespec { long seconds; long nanoseconds; };
struct winsize { u16 rows, columns, x, y; };
struct stat {
  u64 dev, ino, nlink; u32 mode, uid, gid, pad; u64 rdev; long size, block_size, blocks;
  u64 times[6]; long unused[3];
};

static long sys_read(int fd, void *to, long size) { return SYS3(0, fd, to, size); }
static long sys_write(int fd, const void *from, long size) { return SYS3(1, fd, from, size); }
static long sys_open(const char *path, int flags, int mode) { return SYS3(2, path, flags, mode); }
static long sys_close(int fd) { return SYS1(3, fd); }
static long sys_stat(const char *path, struct stat *to) { return SYS2(4, path, to); }
static long sys_fstat(int fd, struct stat *to) { return SYS2(5, fd, to); }
static long sys_poll(struct pollfd *fds, long count, long timeout_ms) { return SYS3(7, fds, count, timeout_ms); }
static long sys_ioctl(int fd, u64 request, const void *argument) { return SYS3(16, fd, request, argument); }
static long sys_dup2(int from, int to) { return SYS2(33, from, to); }
static long sys_getpid(void) { return SYS0(39); }
static long sys_fork(void) { return SYS0(57); }
static long sys_execve(const char *path, char **argv, char **env) { return SYS3(59, path, argv, env); }
static long sys_exit(int status) { return SYS1(231, status); }
static long sys_wait4(long pid, int *status, int options) { return SYS4(61, pid, status, options, 0); }
static long sys_kill(long pid, int signal) { return SYS2(62, pid, signal); }
static long sys_fsync(int fd) { return SYS1(74, fd); }
static long sys_chdir(const char *path) { return SYS1(80, path); }
static long sys_rename(const char *from, const char *to) { return SYS2(82, from, to); }
static long sys_unlink(const char *path) { return SYS1(87, path); }
static long sys_fchmod(int fd, int mode) { return SYS2(91, fd, mode); }
static long sys_setsid(void) { return SYS0(112); }
static long sys_sync(void) { return SYS0(162); }
static long sys_reboot(u32 command) { return SYS4(169, 0xfee1dead, 672274793, command, 0); }
static long sys_sethostname(const char *name, long length) { return SYS2(170, name, length); }
static long sys_clock_settime(int clock, const struct timespec *to) { return SYS2(227, clock, to); }
static long sys_clock_gettime(int clock, struct timespec *to) { return SYS2(228, clock, to); }
static long sys_fallocate(int fd, int mode, long offset, long size) { return SYS4(285, fd, mode, offset, size); }
static long sys_signalfd(int fd, const u64 *mask, int flags) { return SYS4(289, fd, mask, 8, flags); }
static long sys_pipe(int *fds, int flags) { return SYS2(293, fds, flags); }
static long sys_sigprocmask(int how, const u64 *mask) { return SYS4(14, how, mask, 0, 8); }
static long sys_socket(int family, int type, int protocol) { return SYS3(41, family, type, protocol); }

/* Compilers call these by name, for what they copy by themselves. */
void *memcpy(void *to, const void *from, u64 size) {
  u8 *t = to;
  const u8 *f = from;
  while (size--) *t++ = *f++;
  return to;
}
void *memmove(void *to, const void *from, u64 size) {
  u8 *t = to;
  const u8 *f = from;
  if (t <= f) return memcpy(to, from, size);
  while (size--) t[size] = f[size];
  return to;
}
void *memset(void *to, int byte, u64 size) {
  u8 *t = to;
  while (size--) *t++ = (u8)byte;
  return to;
}

/* Large blocks: the processor's own instruction, eight bytes a step, since emulation makes a loop of it. */
static void copy_block(void *to, const void *from, u64 size) {
  u64 words = size / 8, rest = size % 8;
  __asm__ __volatile__("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
  __asm__ __volatile__("rep movsb" : "+D"(to), "+S"(from), "+c"(rest) : : "memory");
}
/* Position of the first line end in `text`, or `size`; eight bytes a step. */
static u64 line_end(const char *text, u64 size) {
  u64 at = 0;
  for (; at + 8 <= size; at += 8) {
    u64 word = *(const u64 *)(text + at) ^ 0x0a0a0a0a0a0a0a0aul;
    if ((word - 0x0101010101010101ul) & ~word & 0x8080808080808080ul) break;
  }
  while (at < size && text[at] != '\n') at++;
  return at;
}

static u64 length_of(const char *text) {
  u64 n = 0;
  while (text[n]) n++;
  return n;
}
static int same(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}
static int starts_with(const char *text, const char *with) {
  while (*with) if (*text++ != *with++) return 0;
  return 1;
}
static int has_char(const char *text, char wanted) {
  for (; *text; text++) if (*text == wanted) return 1;
  return 0;
}
/* Reads digits into *value; returns 0 when there is none, another character, or more than 15 of them. */
static int to_number(const char *text, u64 *value) {
  u64 n = 0;
  int digits = 0;
  for (; *text; text++) {
    if (*text < '0' || *text > '9' || ++digits > 15) return 0;
    n = n * 10 + (u64)(*text - '0');
  }
  *value = n;
  return digits > 0;
}
static int to_mode(const char *text, u32 *mode) {
  u32 n = 0;
  int digits = 0;
  for (; *text; text++) {
    if (*text < '0' || *text > '7' || ++digits > 5) return 0;
    n = n * 8 + (u32)(*text - '0');
  }
  *mode = n & 07777;
  return digits > 0;
}
/* Appends to the text in `to` of `size` bytes; what does not fit is cut. */
static void append(char *to, u64 size, const char *text) {
  u64 n = length_of(to);
  while (*text && n + 1 < size) to[n++] = *text++;
  to[n] = 0;
}
static void append_number(char *to, u64 size, u64 value) {
  char digits[24];
  int at = 23;
  digits[at] = 0;
  do digits[--at] = (char)('0' + value % 10); while (value /= 10);
  append(to, size, digits + at);
}
static u64 now_ms(void) {
  struct timespec now;
  sys_clock_gettime(1, &now);
  return (u64)now.seconds * 1000 + (u64)now.nanoseconds / 1000000;
}
static int open_file(const char *path, int flags) { return (int)sys_open(path, flags | O_CLOEXEC, 0600); }

/* All of a small file as text, at most `size` - 1 bytes of it. Returns its length, or -errno. */
static long read_text(const char *path, char *to, long size) {
  int fd = open_file(path, O_RDONLY);
  long got, total = 0;
  to[0] = 0;
  if (fd < 0) return fd;
  while (total < size - 1 && (got = sys_read(fd, to + total, size - 1 - total)) > 0) total += got;
  sys_close(fd);
  to[total] = 0;
  return total;
}
static long write_text(const char *path, const char *text) {
  long done;
  int fd = (int)sys_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return fd;
  done = sys_write(fd, text, (long)length_of(text));
  sys_close(fd);
  return done < 0 ? done : 0;
}
