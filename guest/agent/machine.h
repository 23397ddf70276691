/* What concerns the guest as a whole: its file systems, addresses, identity, console. */
#define FIFREEZE 0xc0045877u
#define FITHAW 0xc0045878u
#define RNDADDENTROPY 0x40085203u
#define RNDRESEEDCRNG 0x5207u

enum { FROZEN_MAX = 32, FREEZE_SECONDS_MAX = 300, SIOCADDRT = 0x890b, SIOCGIFCONF = 0x8912, SIOCSIFADDR = 0x8916,
       SIOCSIFNETMASK = 0x891c, SIOCSIFHWADDR = 0x8924, SIOCGIFTXQLEN = 0x8942, SIOCSIFTXQLEN = 0x8943 };

static int frozen[FROZEN_MAX], frozen_count;
static u64 thaw_at_ms;

static void thaw_all(void) {
  while (frozen_count > 0) {
    sys_ioctl(frozen[--frozen_count], FITHAW, 0);
    sys_close(frozen[frozen_count]);
  }
}

/* A field of /proc/mounts: blanks and the like stand there as \ and three octal digits. Returns what follows it. */
static char *take_field(char *from, char *to, u64 size) {
  u64 n = 0;
  for (; *from && *from != ' ' && *from != '\n'; from++) {
    char c = *from;
    if (c == '\\' && from[1] && from[2] && from[3]) {
      c = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
      from += 3;
    }
    if (n + 1 < size) to[n++] = c;
  }
  to[n] = 0;
  return *from == ' ' ? from + 1 : from;
}

/*
 * freeze SECONDS: what is mounted from a device takes no writes until `thaw`, the end of the session, or that time.
 * "done COUNT". File systems that cannot be frozen are left out; one that is frozen already, or mounted twice, counts once.
 */
static void freeze_all(u32 id, u64 seconds) {
  static char mounts[65536], device[512], place[4096];
  char *at = mounts;
  if (frozen_count > 0) {
    refuse(id, "busy", "the file systems are frozen already");
    return;
  }
  sys_sync();
  read_text("/proc/self/mounts", mounts, sizeof mounts);
  while (*at && frozen_count < FROZEN_MAX) {
    int fd;
    at = take_field(at, device, sizeof device);
    at = take_field(at, place, sizeof place);
    while (*at && *at++ != '\n') continue;
    if (!starts_with(device, "/dev/")) continue;
    fd = open_file(place, O_RDONLY | O_DIRECTORY);
    if (fd < 0) continue;
    if (sys_ioctl(fd, FIFREEZE, 0) < 0) sys_close(fd);
    else frozen[frozen_count++] = fd;
  }
  if (seconds > FREEZE_SECONDS_MAX) seconds = FREEZE_SECONDS_MAX;
  thaw_at_ms = now_ms() + seconds * 1000;
  answer(id, "done ");
  put_number((u64)frozen_count);
  end_line();
}

struct interface { char name[16]; u16 family, port; u8 address[4]; u8 rest[16]; };

static void put_address(u32 id, const char *name, const char *kind) {
  answer(id, "address ");
  put_text(name);
  put_text(" ");
  put_text(kind);
  put_text(" ");
}
static void put_hardware_address(u32 id, const char *name) {
  char file[128] = "/sys/class/net/", text[64];
  long size;
  append(file, sizeof file, name);
  append(file, sizeof file, "/address");
  size = read_text(file, text, sizeof text);
  if (size < 2) return;
  text[size - 1] = 0;
  put_address(id, name, "mac");
  put_text(text);
  end_line();
}
/* addresses: a line "address INTERFACE mac|ipv4|ipv6 ADDRESS" for each but those of lo, then "done". */
static void report_addresses(u32 id) {
  static struct interface found[32];
  static char text[8192];
  struct { int size, pad; void *to; } list = {sizeof found, 0, found};
  int fd = (int)sys_socket(2, 2 | O_CLOEXEC, 0), count = 0;
  char *at = text;
  if (sys_ioctl(fd, SIOCGIFCONF, &list) == 0) count = list.size / (int)sizeof *found;
  sys_close(fd);
  for (int i = 0; i < count; i++) {
    found[i].name[15] = 0;
    if (same(found[i].name, "lo")) continue;
    put_hardware_address(id, found[i].name);
    put_address(id, found[i].name, "ipv4");
    for (int part = 0; part < 4; part++) {
      if (part) put_text(".");
      put_number(found[i].address[part]);
    }
    end_line();
  }
  read_text("/proc/net/if_inet6", text, sizeof text);
  /* "fe80…(32 digits) index prefix scope flags name" */
  while (length_of(at) > 52) {
    char name[32], *digits = at;
    at += 33;
    for (int i = 0; i < 4; i++) {
      while (*at == ' ') at++;
      while (*at && *at != ' ') at++;
    }
    while (*at == ' ') at++;
    at = take_field(at, name, sizeof name);
    if (*at == '\n') at++;
    if (same(name, "lo")) continue;
    put_address(id, name, "ipv6");
    for (int i = 0; i < 32; i += 4) {
      if (i) put_text(":");
      put_bytes(digits + i, 4);
    }
    end_line();
  }
  answer(id, "done");
  end_line();
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = (char)(c | 32);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
/* Pairs of hexadecimal digits, with or without colons between them. Returns the number of bytes. */
static int from_hex(const char *text, u8 *to, int max) {
  int n = 0;
  while (n < max && hex_digit(text[0]) >= 0 && hex_digit(text[1]) >= 0) {
    to[n++] = (u8)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
    text += 2;
    if (*text == ':') text++;
  }
  return n;
}
static long credit_entropy(const char *hex) {
  struct { int bits, size; u8 bytes[512]; } entropy;
  int fd = open_file("/dev/urandom", O_RDWR);
  long error;
  if (fd < 0) return fd;
  entropy.size = from_hex(hex, entropy.bytes, sizeof entropy.bytes);
  entropy.bits = entropy.size * 8;
  error = sys_ioctl(fd, RNDADDENTROPY, &entropy);
  /* Credited or not, what is drawn from now on comes from it: the template and its other clones drew from the old state. */
  if (error >= 0) error = sys_ioctl(fd, RNDRESEEDCRNG, 0);
  sys_close(fd);
  return error;
}
/*
 * Packets that a card has yet to send are made with the addresses that it had. While it has no link they wait, and would be the first to leave: the kernel
 * drops them when the length of their queue is changed.
 */
static void drop_waiting(int fd, const char *name) {
  struct { char name[16]; int length; u8 rest[20]; } request;
  memset(&request, 0, sizeof request);
  append(request.name, sizeof request.name, name);
  if (sys_ioctl(fd, SIOCGIFTXQLEN, &request) < 0) return;
  request.length++;
  sys_ioctl(fd, SIOCSIFTXQLEN, &request);
  request.length--;
  sys_ioctl(fd, SIOCSIFTXQLEN, &request);
}
/* INTERFACE,ADDRESS */
static long set_hardware_address(const char *text) {
  struct { char name[16]; u16 family; u8 address[14]; u8 rest[8]; } request;
  int n = 0, fd = (int)sys_socket(2, 2 | O_CLOEXEC, 0);
  long error;
  memset(&request, 0, sizeof request);
  while (*text && *text != ',' && n < 15) request.name[n++] = *text++;
  request.family = 1;
  error = *text == ',' && from_hex(text + 1, request.address, 6) == 6 ? sys_ioctl(fd, SIOCSIFHWADDR, &request) : -EIO;
  drop_waiting(fd, request.name);
  sys_close(fd);
  return error;
}
/* "10.1.0.5", up to another character. Returns what follows, or nothing for what is no address. */
static const char *take_ipv4(const char *text, u8 *to) {
  for (int part = 0; part < 4; part++) {
    int value = 0, digits = 0;
    for (; *text >= '0' && *text <= '9' && digits < 3; digits++) value = value * 10 + (*text++ - '0');
    if (digits == 0 || value > 255 || (part < 3 && *text++ != '.')) return 0;
    to[part] = (u8)value;
  }
  return text;
}
/* The other end of a card's default route; the kernel has the rest of it from the card's address. */
static long set_gateway(int fd, const char *text) {
  struct place { u16 family, port; u8 address[4]; u8 rest[8]; };
  struct { u64 pad; struct place to, by, mask; u16 flags, pad2; u64 pad3; void *pad4; u16 metric; char *device; u64 rest[3]; } route;
  memset(&route, 0, sizeof route);
  route.to.family = route.by.family = route.mask.family = 2;
  route.flags = 3; /* up, by a gateway */
  return take_ipv4(text, route.by.address) ? sys_ioctl(fd, SIOCADDRT, &route) : -EIO;
}
/* The addresses of IPv6 that the kernel made of the one that its hardware had go, and come back made of the one that it has. */
static void renew_ipv6(const char *name) {
  char file[128] = "/proc/sys/net/ipv6/conf/", now[4] = "";
  append(file, sizeof file, name);
  append(file, sizeof file, "/disable_ipv6");
  if (read_text(file, now, sizeof now) < 1 || now[0] != '0') return;
  write_text(file, "1\n");
  write_text(file, "0\n");
}
/* INTERFACE,ADDRESS/PREFIX[,GATEWAY]: its one address. 0.0.0.0/0: it has none, and no route by any. Of IPv6 it has what the kernel gives it. */
static long set_ipv4(const char *text) {
  struct interface request;
  u64 prefix = 0;
  int n = 0, fd = (int)sys_socket(2, 2 | O_CLOEXEC, 0);
  long error = -EIO;
  memset(&request, 0, sizeof request);
  while (*text && *text != ',' && n < 15) request.name[n++] = *text++;
  request.family = 2;
  text = *text == ',' ? take_ipv4(text + 1, request.address) : 0;
  if (text && *text++ == '/') {
    while (*text >= '0' && *text <= '9' && prefix <= 32) prefix = prefix * 10 + (u64)(*text++ - '0');
    if (prefix <= 32 && (*text == 0 || *text == ',')) error = sys_ioctl(fd, SIOCSIFADDR, &request);
  }
  if (error >= 0 && prefix > 0) {
    for (int part = 0; part < 4; part++, prefix -= prefix < 8 ? prefix : 8) {
      request.address[part] = (u8)(prefix < 8 ? 0xff00u >> prefix : 0xff);
    }
    error = sys_ioctl(fd, SIOCSIFNETMASK, &request);
    if (error >= 0 && *text == ',') error = set_gateway(fd, text + 1);
  }
  renew_ipv6(request.name);
  drop_waiting(fd, request.name);
  sys_close(fd);
  return error;
}
static long set_clock(const char *text) {
  u64 ms;
  struct timespec now;
  if (!to_number(text, &ms)) return -EIO;
  now.seconds = (long)(ms / 1000);
  now.nanoseconds = (long)(ms % 1000 * 1000000);
  return sys_clock_settime(0, &now);
}
static long set_host_name(const char *name) {
  char line[80] = "";
  append(line, sizeof line, name);
  append(line, sizeof line, "\n");
  write_text("/etc/hostname", line);
  return sys_sethostname(name, (long)length_of(name));
}
static long set_machine_id(const char *id) {
  char line[80] = "";
  append(line, sizeof line, id);
  append(line, sizeof line, "\n");
  return write_text("/etc/machine-id", line);
}

static char FRESH_SCRIPT[] =
    "if [ -d /etc/ssh ] && command -v ssh-keygen; then rm -f /etc/ssh/ssh_host_*_key*; ssh-keygen -A || exit; fi\n"
    "[ ! -x /etc/blixard/dhcp ] || [ ! -e /etc/blixard/networks ] || /etc/blixard/dhcp fresh\n"
    "[ ! -x /etc/blixard/fresh-identity ] || /etc/blixard/fresh-identity";

/* identity BASE64: NAME=VALUE ended by zeros, in the order in which they are to be done. "done" when all are, host keys too. */
static void take_identity(u32 id, char *strings, long size) {
  struct stat there;
  for (long at = 0; at < size; at += (long)length_of(strings + at) + 1) {
    char *text = strings + at;
    long error = -EIO;
    if (starts_with(text, "entropy=")) error = credit_entropy(text + 8);
    else if (starts_with(text, "time-ms=")) error = set_clock(text + 8);
    else if (starts_with(text, "hostname=")) error = set_host_name(text + 9);
    else if (starts_with(text, "machine-id=")) error = set_machine_id(text + 11);
    else if (starts_with(text, "mac=")) error = set_hardware_address(text + 4);
    else if (starts_with(text, "ipv4=")) error = set_ipv4(text + 5);
    if (error >= 0) continue;
    while (*text && *text != '=') text++;
    *text = 0;
    refuse_error(id, "cannot set ", strings + at, error);
    return;
  }
  /* A process costs: none where there is nothing to do. */
  if (sys_stat("/etc/ssh", &there) == 0 || sys_stat("/etc/blixard/fresh-identity", &there) == 0 ||
      sys_stat("/etc/blixard/networks", &there) == 0) {
    begin_hook(id, FRESH_SCRIPT);
    return;
  }
  answer(id, "done");
  end_line();
}

/*
 * The serial console, where this is the guest's first process: its size, and a shell for whoever presses Enter there. Nobody waits for that
 * in a process of its own: it would cost its start at every boot.
 */
static int console = -1;
static long console_shell;

static void open_console(void) {
  console = open_file("/dev/ttyS0", O_RDWR | O_NOCTTY | O_NONBLOCK);
}
/* The end of a terminal's first process hangs it up, for us too. */
static void end_console_shell(void) {
  console_shell = 0;
  sys_close(console);
  open_console();
}
static void start_console_shell(void) {
  static char name[] = "-sh", prompt[] = "PS1=\\h:\\w\\$ ";
  if (console_shell > 0) return;
  begin_environment();
  add_variable(prompt);
  arguments[0] = name;
  arguments[1] = 0;
  console_shell = sys_fork();
  if (console_shell != 0) return;
  sys_setsid();
  unblock_signals();
  console = (int)sys_open("/dev/ttyS0", O_RDWR, 0);
  sys_ioctl(console, TIOCSCTTY, (void *)1);
  sys_dup2(console, 0);
  sys_dup2(console, 1);
  sys_dup2(console, 2);
  sys_chdir("/root");
  sys_execve("/bin/sh", arguments, variables);
  sys_exit(127);
}
