/*
 * Commands: a process in a session of its own, with three pipes or a terminal between it and the host.
 *
 * A request is over when its process has ended and what it wrote has been sent. Something that it left running may go on holding the
 * pipes; that is not waited for.
 */
enum { ARGUMENTS_MAX = 1024, VARIABLES_MAX = 1024, TIOCSCTTY = 0x540e, TIOCSWINSZ = 0x5414 };
#define TIOCSPTLCK 0x40045431u
#define TIOCGPTN 0x80045430u

static const char SEARCH_PATH[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin";
/* The environment of the service, KEY=VALUE ended by zeros, so that a command sees what it sees. */
static char service_env[131072];
static char *arguments[ARGUMENTS_MAX + 1], *variables[VARIABLES_MAX + 1];

static char *variable(const char *name) {
  u64 n = length_of(name);
  for (char **v = variables; *v; v++)
    if (starts_with(*v, name) && (*v)[n] == '=') return *v + n + 1;
  return 0;
}
/* A later value replaces an earlier one. Returns 0 when there are too many. */
static int add_variable(char *assignment) {
  int n = 0;
  for (; variables[n]; n++) {
    const char *a = variables[n], *b = assignment;
    while (*a && *a == *b && *a != '=') a++, b++;
    if (*a == '=' && *b == '=') break;
  }
  if (n == VARIABLES_MAX) return 0;
  if (!variables[n]) variables[n + 1] = 0;
  variables[n] = assignment;
  return 1;
}
static void begin_environment(void) {
  static char home[] = "HOME=/root", term[] = "TERM=linux", path[sizeof SEARCH_PATH + 8];
  static int loaded;
  static long size;
  variables[0] = 0;
  if (!loaded) {
    append(path, sizeof path, "PATH=");
    append(path, sizeof path, SEARCH_PATH);
    size = read_text("/etc/blixard/environment", service_env, sizeof service_env);
    loaded = 1;
  }
  add_variable(path);
  add_variable(home);
  add_variable(term);
  for (long at = 0; at < size; at += (long)length_of(service_env + at) + 1) add_variable(service_env + at);
}

/* In the child: becomes the command, or returns -errno. */
static long become(void) {
  const char *path = variable("PATH"), *name = arguments[0];
  long failure = -ENOENT;
  if (has_char(name, '/')) return sys_execve(name, arguments, variables);
  while (path && *path) {
    char file[4096];
    long error;
    u64 n = 0;
    while (*path && *path != ':' && n < sizeof file - 300) file[n++] = *path++;
    file[n] = 0;
    if (*path == ':') path++;
    append(file, sizeof file, "/");
    append(file, sizeof file, name);
    error = sys_execve(file, arguments, variables);
    if (error != -ENOENT && error != -ENOTDIR) failure = error;
  }
  return failure;
}
static void unblock_signals(void) {
  u64 none = 0;
  sys_sigprocmask(2, &none);
}
static void fail_child(int to, long error) {
  int failure = (int)-error;
  sys_write(to, &failure, sizeof failure);
  sys_exit(127);
}

/* Opens a terminal; returns its master and writes its slave's path. */
static int open_terminal(char *slave, u64 size, const struct winsize *window) {
  int master = open_file("/dev/ptmx", O_RDWR | O_NOCTTY), locked = 0;
  u32 number = 0;
  if (master < 0) return master;
  sys_ioctl(master, TIOCSPTLCK, &locked);
  sys_ioctl(master, TIOCGPTN, &number);
  sys_ioctl(master, TIOCSWINSZ, window);
  slave[0] = 0;
  append(slave, size, "/dev/pts/");
  append_number(slave, size, number);
  return master;
}

static int set_nonblocking(int fd) { return (int)SYS3(72, fd, 4, O_NONBLOCK); }
static int duplicate(int fd) { return (int)SYS3(72, fd, 1030, 0); }

/* Starts `arguments` with `variables`. The request is given back with a refusal when that cannot be. */
static void start_command(struct request *r, const char *folder, const struct winsize *window) {
  int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1}, failure[2] = {-1, -1};
  char slave[64];
  long error = sys_pipe(failure, O_CLOEXEC);
  if (error >= 0 && r->tty) {
    in[1] = open_terminal(slave, sizeof slave, window);
    error = in[1] < 0 ? in[1] : 0;
    out[0] = error < 0 ? -1 : duplicate(in[1]);
  } else if (error >= 0) {
    error = sys_pipe(in, O_CLOEXEC);
    if (error >= 0) error = sys_pipe(out, O_CLOEXEC);
    if (error >= 0) error = sys_pipe(err, O_CLOEXEC);
  }
  if (error >= 0) {
    r->pid = sys_fork();
    error = r->pid < 0 ? r->pid : 0;
  }
  if (error >= 0 && r->pid == 0) {
    sys_setsid();
    unblock_signals();
    if (r->tty) {
      in[0] = out[1] = err[1] = (int)sys_open(slave, O_RDWR, 0);
      if (in[0] < 0) fail_child(failure[1], in[0]);
      sys_ioctl(in[0], TIOCSCTTY, 0);
    }
    sys_dup2(in[0], 0);
    sys_dup2(out[1], 1);
    sys_dup2(err[1], 2);
    if (r->tty && in[0] > 2) sys_close(in[0]);
    error = *folder ? sys_chdir(folder) : 0;
    fail_child(failure[1], error < 0 ? error : become());
  }
  close_fd(&failure[1]);
  if (!r->tty) close_fd(&in[0]), close_fd(&out[1]), close_fd(&err[1]);
  r->in = in[1];
  r->out = out[0];
  r->err = err[0];
  r->failure = failure[0];
  if (error < 0) {
    refuse_error(r->id, "cannot start the command", "", error);
    free_request(r);
    return;
  }
  set_nonblocking(r->in);
  set_nonblocking(r->out);
  if (r->err >= 0) set_nonblocking(r->err);
}

/* exec pipe|tty COLUMNS ROWS BASE64: strings ended by zeros, each with a letter: a(rgument), e(nvironment), d(irectory). */
static void begin_exec(u32 id, int tty, const struct winsize *window, char *strings, long size) {
  struct request *r;
  int count = 0;
  const char *folder = "";
  begin_environment();
  for (long at = 0; at < size; at += (long)length_of(strings + at) + 1) {
    char *text = strings + at;
    if (*text == 'a' && count < ARGUMENTS_MAX) arguments[count++] = text + 1;
    else if (*text == 'd') folder = text + 1;
    else if (*text != 'e' || !has_char(text, '=') || !add_variable(text + 1)) {
      refuse(id, "failed", "too many arguments or variables, or one that is none");
      return;
    }
  }
  arguments[count] = 0;
  if (count == 0 || !*arguments[0]) {
    refuse(id, "failed", "no command was given");
    return;
  }
  r = new_request(id, EXEC);
  if (!r) return;
  r->tty = tty;
  start_command(r, folder, window);
}

/* A script of ours whose end is the answer; it reads and says nothing. */
static void begin_hook(u32 id, char *script) {
  struct request *r = new_request(id, HOOK);
  static char shell[] = "/bin/sh", flag[] = "-c";
  struct winsize none = {0, 0, 0, 0};
  if (!r) return;
  begin_environment();
  arguments[0] = shell;
  arguments[1] = flag;
  arguments[2] = script;
  arguments[3] = 0;
  start_command(r, "", &none);
}

static void signal_command(struct request *r, int signal) {
  if (r->exited || r->pid <= 0) return;
  /* A process that has only just been made has no group yet. */
  if (sys_kill(-r->pid, signal) < 0) sys_kill(r->pid, signal);
}

static u8 *input_of(struct request *r) { return input[r - requests]; }

/* Takes what the host sent for the process. What goes beyond the window is the host's fault and ends the request. */
static void feed(struct request *r, const u8 *from, long size) {
  if (r->in < 0) {
    grant(r, (u64)size);
    return;
  }
  if ((u32)size > WINDOW - (r->in_end - r->in_start)) {
    signal_command(r, SIGKILL);
    return;
  }
  if (WINDOW - r->in_end < (u32)size) {
    memmove(input_of(r), input_of(r) + r->in_start, r->in_end - r->in_start);
    r->in_end -= r->in_start;
    r->in_start = 0;
  }
  copy_block(input_of(r) + r->in_end, from, (u64)size);
  r->in_end += (u32)size;
}
static void pass_input(struct request *r) {
  while (r->in >= 0 && r->in_start < r->in_end) {
    long done = sys_write(r->in, input_of(r) + r->in_start, r->in_end - r->in_start);
    if (done == -EAGAIN) break;
    /* Nobody reads it any more: it goes nowhere, and the host may go on sending. */
    if (done < 0) {
      done = r->in_end - r->in_start;
      if (!r->tty) close_fd(&r->in);
    }
    r->in_start += (u32)done;
    r->in_used += (u32)done;
  }
  if (r->in_used > 0 && (r->in_used >= GRANT_MIN || r->in_start == r->in_end)) {
    grant(r, r->in_used);
    r->in_used = 0;
  }
  if (r->in_start < r->in_end) return;
  r->in_start = r->in_end = 0;
  if (!r->in_ending || r->in < 0) return;
  /* The end of what is typed at a terminal is Ctrl-D; its output comes through the same file. */
  if (r->tty) sys_write(r->in, "\004", 1);
  close_fd(&r->in);
}

/* Sends what the process wrote, as far as the host takes it. Returns whether there may be more at once. */
static int pass_output(struct request *r, int *fd, const char *word) {
  static u8 chunk[CHUNK_MAX];
  long size = CHUNK_MAX, got;
  if (*fd < 0 || r->credit == 0 || !room_for_data()) return 0;
  if (r->credit < (u64)size) size = (long)r->credit;
  got = sys_read(*fd, chunk, size);
  if (got > 0) {
    if (r->kind == EXEC) send_data(r, word, chunk, got);
    return 1;
  }
  if (got != -EAGAIN || r->exited) close_fd(fd);
  return 0;
}

static void end_command(struct request *r) {
  int error = 0, signal = r->status & 127, code = r->status >> 8 & 255;
  sys_read(r->failure, &error, sizeof error);
  if (error) refuse_error(r->id, "cannot run ", r->kind == HOOK ? "/bin/sh" : "the command", -error);
  else if (r->kind == HOOK && r->status) refuse(r->id, "failed", "the script for a fresh identity failed");
  else if (r->kind == HOOK) answer(r->id, "done"), end_line();
  else {
    answer(r->id, signal ? "killed " : "exit ");
    put_number((u64)(signal ? signal : code));
    end_line();
  }
  free_request(r);
}
/* Everything that can be done for a command now. Returns whether it wants to be asked again at once. */
static int serve_command(struct request *r) {
  int more;
  pass_input(r);
  more = pass_output(r, &r->out, "out");
  more |= pass_output(r, &r->err, "err");
  if (r->exited && r->out < 0 && r->err < 0 && room_for_answers()) end_command(r);
  return more;
}
