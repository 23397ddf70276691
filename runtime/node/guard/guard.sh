#!/bin/sh
# The guard: runs one instance's command and ends it at its lease deadline, whatever became of the node that started it.
# It lives in a session of its own, outside the node's process; see docs/decisions/0005-guard.md.
#
#   guard.sh OUTPUT SETPRIV RIGHTS CGROUP COMMAND [ARGUMENT...]    in the instance's folder, as leader of its own session
#
# OUTPUT   file that gets the command's output, appended.
# SETPRIV  path of util-linux's setpriv, with which the command is killed when the guard dies; "none" to do without.
# RIGHTS   words for setpriv that make the command another user's (docs/decisions/0032-a-user-for-each-vm.md); "" for none.
# CGROUP   folder of the control group that the command is to be in from its first moment; "" for none.
#
# The command gets the descriptors from 5 on that the guard was started with.
#
# Files, in guard/ (times in hundredths of a second of the host's uptime, which goes on through suspends):
#   lease  in    "DEADLINE DEADLINE": twice, so that a half-written line is never taken for a deadline.
#   guard  out   "PID START BOOT" of the guard. Created exclusively: it is also the claim on this folder, so a folder that
#                was given up before the guard came to run never starts.
#   child  out   "PID START BOOT" of the command, leader of its own session and process group.
#   exit   out   "REASON KIND NUMBER": `lease` or `exit`; `code` or `signal`. Written when the command
#                has ended and what it left in its group has been killed.
#
# One line, "started", goes to standard output when the command is about to run. For dash and busybox
# ash. Not for bash: a signal that comes while bash 5.2 waits may be reported as the child's end, or crash it.
set -u -C
umask 077
read -r boot </proc/sys/kernel/random/boot_id

# Sets `state` and `start` of process $1. The command's name is in parentheses and may hold anything.
look_at() {
  stat=
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  stat=${stat##*) }
  # shellcheck disable=SC2086
  set -- $stat
  state=${1-} start=${20-}
}

now() {
  read -r uptime _ </proc/uptime
  now=${uptime%.*}${uptime#*.}
}

# Sets `deadline`. A torn line is read again; a file that stays unreadable keeps the deadline known so far.
read_lease() {
  tries=0
  while [ "$tries" -lt 10 ]; do
    first= second=
    { read -r first second <guard/lease; } 2>/dev/null
    if [ -n "$first" ] && [ "$first" = "$second" ]; then
      deadline=$first
      return
    fi
    tries=$((tries + 1))
  done
}

running() {
  look_at "$child" && [ "$start" = "$child_start" ] && [ "$state" != Z ] && [ "$state" != X ]
}

# The group first: a forking command cannot outrun that. The pid alone covers a command that has no group yet.
end_child() {
  kill -9 "-$child" 2>/dev/null
  kill -9 "$child" 2>/dev/null
}

# The command's process runs this as the command's user, for whom this file and guard/ may be out of reach: the text is handed on,
# and guard/child stands open at 4. Between fork and prctl the guard may have died unseen; a command whose parent is not its guard
# does not start.
# shellcheck disable=SC2016
launch='
guard=$1 boot=$2
shift 2
start_of() { start=${20-}; }
read -r stat <"/proc/$$/stat" && [ "$PPID" = "$guard" ] || exit 1
start_of ${stat##*) }
echo "$$ $start $boot" >&4
umask 022
ulimit -c 0
echo started >&3
exec 3>&- 4>&-
exec "$@"
'
output=$1
setpriv=$2
rights=$3
cgroup=$4
shift 4
# Handled, not ignored: what a shell ignores, the command would have to ignore too.
trap : HUP INT PIPE

look_at $$ || exit 1
{ echo "$$ $start $boot" >guard/guard; } 2>/dev/null || exit 3

deadline=0
reason=exit
read_lease
now
if [ "$deadline" -le "$now" ]; then
  echo "lease signal 9" >guard/exit
  exit 0
fi

exec 3>&1 >/dev/null
{
  [ -z "$cgroup" ] || echo 0 >|"$cgroup/cgroup.procs" || exit 1
  case $setpriv in
    # shellcheck disable=SC2086
    /*) exec setsid "$setpriv" $rights --pdeathsig KILL sh -c "$launch" sh $$ "$boot" "$@" ;;
    *) [ -z "$rights" ] && exec setsid sh -c "$launch" sh $$ "$boot" "$@" ;;
  esac
} 4>guard/child </dev/null >>"$output" 2>&1 &
child=$!
exec 3>&-
look_at "$child" || start=0
child_start=$start

sleeper=
trap 'end_child' TERM
# A child's end interrupts `wait`; the trap also ends the sleep when that end came just before the `wait`. With KILL: until it
# has become `sleep`, the new process would take any other signal for one of ours.
trap '[ -z "$sleeper" ] || running || kill -9 "$sleeper" 2>/dev/null' CHLD

while running; do
  read_lease
  now
  left=$((deadline - now))
  if [ "$left" -le 0 ]; then
    reason=lease
    end_child
    break
  fi
  hundredths=$((left % 100))
  [ "$hundredths" -lt 10 ] && hundredths=0$hundredths
  case $setpriv in
    /*) "$setpriv" --pdeathsig KILL sleep "$((left / 100)).$hundredths" & ;;
    *) sleep "$((left / 100)).$hundredths" & ;;
  esac
  sleeper=$!
  running || kill -9 "$sleeper" 2>/dev/null
  # Above 128: interrupted by a signal. The sleep goes on, unless the child is what ended.
  while wait "$sleeper"; [ $? -gt 128 ] && running; do :; done
  sleeper=
done

# Whatever led here: nothing waits for the child beyond its deadline, and what it left in its group goes with it.
trap - CHLD
end_child
wait "$child"
status=$?
kind=code
if [ "$status" -gt 128 ]; then
  kind=signal
  status=$((status - 128))
fi
echo "$reason $kind $status" >guard/exit
