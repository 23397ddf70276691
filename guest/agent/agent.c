/*
 * The guest agent of protocol 1 (docs/guest-agent.md): heartbeat, commands, files, freezing, identity, over one virtio serial port.
 *
 *   blixard-agent PORT [SERVICE ARGUMENT...]      PORT: a path, "auto" (the port named "blixard"), or "fd:N" for tests
 *
 * With a service it starts that, tells of its end and restarts the machine then, which -no-reboot makes QEMU's end; as the guest's first
 * process it also reaps orphans and gives a shell to whoever presses Enter at the console. Without a service `stop` powers off.
 *
 * One process, one loop, no threads, no allocation: every table and buffer has a fixed size. The host is trusted, as it can do all of this
 * anyway; what the host may believe of a guest is its own business. See docs/decisions/0026-guest-agent.md.
 */
#include "sys.h"
#include "wire.h"
#include "requests.h"
#include "exec.h"
#include "files.h"
#include "machine.h"

enum { BEAT_MS = 1000, RETRY_MS = 100, EAGER_MS = 3000, LAST_WORDS_MS = 500, PORT_WAIT_MS = 5000 };

static const char VERBS[] = "exec,put,get,freeze,thaw,addresses,identity,console,pause";
static char **service_arguments, **service_environment;
static long service;
static int is_first, of_tests, connected, quiet;

/* Whoever asked is gone: nobody takes what is still to come. */
static void end_session(void) {
  for (int i = 0; i < REQUESTS_MAX; i++) {
    struct request *r = &requests[i];
    if (r->kind == EXEC) signal_command(r, SIGKILL);
    if (r->kind == PUT) abort_put(r);
    else if (r->kind != FREE) free_request(r);
  }
  thaw_all();
  queue_start = queue_end = line_length = 0;
  line_too_long = 0;
}
static void say_hello(const char *nonce) {
  /* What was on its way may have been cut off in the middle of a line. */
  put_text("\nblixard 1 ");
  put_text(nonce);
  put_text(" ");
  put_text(VERBS);
  put_text("\nbooted\n");
}
static void power_off(void) {
  char *command[] = {"/bin/sh", "-c", "poweroff || systemctl poweroff", 0};
  if (sys_fork() == 0) {
    unblock_signals();
    sys_execve(command[0], command, service_environment);
    sys_exit(127);
  }
}
static void stop(void) {
  if (service <= 0) power_off();
  else if (sys_kill(-service, SIGTERM) < 0) sys_kill(service, SIGTERM);
}

static char *next_word(char **rest) {
  char *word = *rest, *at = *rest;
  while (*at && *at != ' ') at++;
  if (*at) *at++ = 0;
  *rest = at;
  return word;
}
static int take_window(char **rest, struct winsize *window) {
  u64 columns, rows;
  if (!to_number(next_word(rest), &columns) || !to_number(next_word(rest), &rows)) return 0;
  if (columns > 65535 || rows > 65535) return 0;
  window->columns = (u16)columns;
  window->rows = (u16)rows;
  window->x = window->y = 0;
  return 1;
}

/* A line about a request that is open. */
static void handle_open(struct request *r, const char *verb, char *rest) {
  struct winsize window;
  u64 number = 0;
  if (same(verb, "in")) {
    long size = from_base64(rest);
    if (size <= 0) return;
    if (r->kind == EXEC) feed(r, (u8 *)rest, size);
    else if (r->kind == PUT) take_file_bytes(r, (u8 *)rest, size);
  } else if (same(verb, "end")) {
    to_number(rest, &number);
    if (r->kind == PUT) finish_put(r, number);
    else r->in_ending = 1;
  } else if (same(verb, "more")) {
    if (to_number(rest, &number)) r->credit += number;
  } else if (same(verb, "size")) {
    if (r->kind == EXEC && r->tty && take_window(&rest, &window)) sys_ioctl(r->out, TIOCSWINSZ, &window);
  } else if (same(verb, "signal")) {
    if (r->kind == EXEC && to_number(rest, &number) && number < 65) signal_command(r, (int)number);
  } else if (same(verb, "cancel")) {
    if (r->kind == EXEC) signal_command(r, SIGKILL);
    if (r->kind == PUT) abort_put(r);
    else if (r->kind != HOOK) free_request(r);
  }
}
/* A new request. Returns 0 for what cannot be read. */
static int handle_new(u32 id, const char *verb, char *rest) {
  struct winsize window = {0, 0, 0, 0};
  u64 number;
  u32 mode;
  if (same(verb, "exec")) {
    const char *how = next_word(&rest);
    long size;
    if (!take_window(&rest, &window)) return 0;
    size = from_base64(rest);
    if (size < 0) return 0;
    begin_exec(id, same(how, "tty"), &window, rest, size);
  } else if (same(verb, "put")) {
    if (!to_mode(next_word(&rest), &mode) || !to_number(next_word(&rest), &number)) return 0;
    if (from_base64(rest) <= 0 || length_of(rest) > 4000) return 0;
    if (frozen_count > 0) refuse(id, "busy", "the file systems are frozen");
    else begin_put(id, mode, number, rest);
  } else if (same(verb, "get")) {
    if (from_base64(rest) <= 0) return 0;
    begin_get(id, rest);
  } else if (same(verb, "freeze")) {
    if (!to_number(rest, &number)) return 0;
    freeze_all(id, number);
  } else if (same(verb, "thaw")) {
    answer(id, "done ");
    put_number((u64)frozen_count);
    end_line();
    thaw_all();
  } else if (same(verb, "addresses")) {
    report_addresses(id);
  } else if (same(verb, "identity")) {
    long size = from_base64(rest);
    if (size < 0) return 0;
    take_identity(id, rest, size);
  } else if (same(verb, "console")) {
    if (!take_window(&rest, &window)) return 0;
    if (console >= 0) sys_ioctl(console, TIOCSWINSZ, &window);
    answer(id, "done");
    end_line();
  } else if (same(verb, "pause")) {
    answer(id, "done");
    end_line();
    quiet = 1;
  } else {
    refuse(id, "unsupported", "the guest's agent does not know that verb");
  }
  return 1;
}
static void handle_line(char *line) {
  char *rest = line, *word = next_word(&rest), *verb;
  struct request *r;
  u64 id;
  if (same(word, "stop")) {
    stop();
    return;
  }
  if (same(word, "blixard")) {
    char *version = next_word(&rest), *nonce = next_word(&rest);
    end_session();
    quiet = 0;
    if (same(version, "1")) say_hello(nonce);
    else put_text("blixard 1 -\n");
    return;
  }
  if (!to_number(word, &id) || id == 0 || id > 0x7fffffff) return;
  verb = next_word(&rest);
  r = find_request((u32)id);
  if (r) {
    handle_open(r, verb, rest);
    return;
  }
  /* What belongs to a request that is over comes late, and means nothing any more. */
  if (same(verb, "in") || same(verb, "end") || same(verb, "more") || same(verb, "size") || same(verb, "signal") || same(verb, "cancel")) return;
  if (!handle_new((u32)id, verb, rest)) refuse((u32)id, "failed", "the guest's agent cannot read that request");
}
static void take_bytes(const char *chunk, u64 size) {
  while (size > 0) {
    u64 length = line_end(chunk, size);
    if (length > LINE_MAX - 1 - line_length) line_too_long = 1;
    if (!line_too_long) {
      copy_block(line_in + line_length, chunk, length);
      line_length += (u32)length;
    }
    if (length == size) return;
    line_in[line_length] = 0;
    if (!line_too_long && line_length > 0) handle_line(line_in);
    line_length = 0;
    line_too_long = 0;
    chunk += length + 1;
    size -= length + 1;
  }
}
/* At most a few lines a turn, so that output and heartbeats have theirs. The driver gives out a page at a time. */
static void read_port(void) {
  static char chunk[LINE_MAX];
  for (int pages = 0; pages < 16 && room_for_answers(); pages++) {
    long got = sys_read(port, chunk, sizeof chunk);
    if (got == 0 && of_tests) sys_exit(0);
    if (got <= 0) return;
    take_bytes(chunk, (u64)got);
  }
}

static void open_port(const char *path) {
  static char file[64], text[64];
  u64 number;
  if (starts_with(path, "fd:") && to_number(path + 3, &number)) {
    port = (int)number;
    of_tests = 1;
    set_nonblocking(port);
    return;
  }
  if (!same(path, "auto")) {
    port = open_file(path, O_RDWR | O_NONBLOCK);
    return;
  }
  for (int bus = 0; bus < 4 && port < 0; bus++) {
    for (int n = 1; n < 32 && port < 0; n++) {
      file[0] = 0;
      append(file, sizeof file, "/sys/class/virtio-ports/vport");
      append_number(file, sizeof file, (u64)bus);
      append(file, sizeof file, "p");
      append_number(file, sizeof file, (u64)n);
      append(file, sizeof file, "/name");
      if (read_text(file, text, sizeof text) < 0 || !starts_with(text, "blixard\n")) continue;
      file[length_of(file) - 5] = 0;
      text[0] = 0;
      append(text, sizeof text, "/dev");
      append(text, sizeof text, file + length_of("/sys/class/virtio-ports"));
      port = open_file(text, O_RDWR | O_NONBLOCK);
    }
  }
}

/* A host that is not listening must not keep a dead guest. */
static void end_guest(int status) {
  u64 until = now_ms() + LAST_WORDS_MS;
  char line[80] = "blixard: the service ended with status ";
  int code = status & 127 ? 128 + (status & 127) : status >> 8 & 255;
  /* A service may end before the port is known to be connected. */
  if (!connected) put_text("booted\n");
  put_text("exit ");
  put_number((u64)code);
  end_line();
  while (port >= 0 && queue_start < queue_end && now_ms() < until) {
    struct pollfd one = {port, POLLOUT, 0};
    sys_poll(&one, 1, 20);
    if (one.revents & POLLHUP && !of_tests) sys_poll(0, 0, 5);
    else flush();
  }
  append_number(line, sizeof line, (u64)code);
  append(line, sizeof line, "\n");
  sys_write(1, line, (long)length_of(line));
  if (is_first) {
    sys_sync();
    sys_reboot(0x01234567);
  }
  sys_exit(code);
}
static void reap(void) {
  int status;
  long pid;
  while ((pid = sys_wait4(-1, &status, 1)) > 0) {
    if (pid == service) end_guest(status);
    if (pid == console_shell) end_console_shell();
    for (int i = 0; i < REQUESTS_MAX; i++) {
      struct request *r = &requests[i];
      if ((r->kind != EXEC && r->kind != HOOK) || r->pid != pid) continue;
      r->exited = 1;
      r->status = status;
    }
  }
}
static void start_service(void) {
  if (!service_arguments[0]) return;
  service = sys_fork();
  if (service != 0) return;
  sys_setsid();
  unblock_signals();
  sys_dup2(open_file("/dev/null", O_RDWR), 0);
  sys_execve(service_arguments[0], service_arguments, service_environment);
  sys_exit(127);
}

static int add_poll(struct pollfd *fds, int count, int fd, int events) {
  fds[count].fd = fd;
  fds[count].events = (short)events;
  fds[count].revents = 0;
  return count + 1;
}
static void run(int signals) {
  static struct pollfd fds[4 + REQUESTS_MAX * 3];
  static u8 discarded[1024];
  /* The kernel tells that the host is there a moment after the port was opened. */
  u64 beat_at = 0, eager_until = now_ms() + EAGER_MS;
  int again = 0;
  for (;;) {
    u64 now = now_ms();
    int count = 0, port_at = -1, console_at = -1;
    long wait = now < beat_at ? (long)(beat_at - now) : 0;
    if (frozen_count > 0 && now >= thaw_at_ms) thaw_all();
    if (now >= beat_at) {
      beat_at = now + BEAT_MS;
      if (connected && !quiet && room_for_answers()) put_text("beat\n");
      wait = BEAT_MS;
    }
    if (!connected) wait = now < eager_until ? 2 : RETRY_MS;
    count = add_poll(fds, count, signals, POLLIN);
    if (port >= 0) {
      flush();
      port_at = count;
      count = add_poll(fds, count, port, (room_for_answers() ? POLLIN : 0) | (queue_start < queue_end ? POLLOUT : 0));
    }
    if (console >= 0 && console_shell == 0) {
      console_at = count;
      count = add_poll(fds, count, console, POLLIN);
    }
    for (int i = 0; i < REQUESTS_MAX; i++) {
      struct request *r = &requests[i];
      int takes = r->credit > 0 && room_for_data();
      if (r->kind != EXEC && r->kind != HOOK) continue;
      if (r->in >= 0 && r->in_start < r->in_end) count = add_poll(fds, count, r->in, POLLOUT);
      if (takes && r->out >= 0) count = add_poll(fds, count, r->out, POLLIN);
      if (takes && r->err >= 0) count = add_poll(fds, count, r->err, POLLIN);
    }
    /* A port that nobody listens to is always "hung up": asked now and then instead of waited for. */
    if (port_at >= 0 && !connected && !again) {
      fds[port_at].fd = -1;
      sys_poll(fds, count, wait);
      fds[port_at].fd = port;
      fds[port_at].revents = 0;
      sys_poll(fds + port_at, 1, 0);
    } else {
      sys_poll(fds, count, again ? 0 : wait);
    }
    if (fds[0].revents) {
      while (sys_read(signals, discarded, sizeof discarded) > 0) continue;
      reap();
    }
    if (port_at >= 0) {
      int hung_up = (fds[port_at].revents & POLLHUP) != 0 && !of_tests;
      if (connected && hung_up) end_session();
      /* Who does not know protocol 1 and says no hello still hears these words. */
      if (!connected && !hung_up) put_text("booted\n");
      connected = !hung_up;
      if (fds[port_at].revents & POLLIN) read_port();
    }
    if (console_at >= 0 && fds[console_at].revents & POLLIN) start_console_shell();
    again = 0;
    for (int i = 0; i < REQUESTS_MAX; i++) {
      struct request *r = &requests[i];
      if (r->kind == EXEC || r->kind == HOOK) again |= serve_command(r);
      else if (r->kind == GET) again |= serve_get(r);
    }
    if (port >= 0) flush();
  }
}

/* Called by _start with the stack as the kernel made it: argc, argv, 0, environment, 0. */
void start(long *stack) {
  long count = stack[0];
  char **argv = (char **)(stack + 1);
  u64 mask = 1ul << (SIGCHLD - 1) | 1ul << (SIGPIPE - 1);
  u64 children = 1ul << (SIGCHLD - 1), until = now_ms() + PORT_WAIT_MS;
  int signals;
  if (count < 2) {
    sys_write(2, "usage: blixard-agent PORT [SERVICE ARGUMENT...]\n", 48);
    sys_exit(2);
  }
  service_arguments = argv + 2;
  service_environment = argv + count + 1;
  is_first = sys_getpid() == 1;
  sys_sigprocmask(0, &mask);
  signals = (int)sys_signalfd(-1, &children, O_CLOEXEC | O_NONBLOCK);
  make_crc_table();
  make_base64_tables();
  start_service();
  /* The kernel announces the port a moment after its driver is loaded. */
  for (open_port(argv[1]); port < 0 && now_ms() < until; open_port(argv[1])) sys_poll(0, 0, 10);
  if (port < 0) sys_write(2, "blixard: this machine has no port to its host\n", 46);
  if (is_first) open_console();
  run(signals);
}
