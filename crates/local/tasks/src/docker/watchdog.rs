//! Removes the containers when their parent is gone, however it went.
//!
//! A container is the daemon's child, so it cannot die with this process by itself. A small shell holds the reading end of
//! a pipe whose writing end only the parent has; when the pipe ends it asks the daemon to remove everything of the
//! instance. It speaks to the daemon through what the machine has: curl, the docker command, or Perl. Where it has none
//! of them, the next local cloud of any instance removes what is left: see `leftovers::remove_abandoned`.

use std::{
    io,
    os::unix::process::CommandExt,
    process::{Child, ChildStdin, Command, Stdio},
};

/// `$1` is the instance, `$2` the daemon's address. `list` prints the ids of what is left, `remove` removes one. What the
/// daemon was asked to make just before the parent died may appear a little later, so it ends only when three looks in a
/// row find nothing.
const SCRIPT: &str = r#"
trap '' HUP INT TERM QUIT PIPE
instance=$1
address=$2
case $address in
  unix://*) socket=${address#unix://} base=http://docker ;;
  tcp://*) socket= base=http://${address#tcp://} ;;
  *) socket= base=$address ;;
esac
filters="%7B%22label%22%3A%5B%22dev.tidegate.instance%3D$instance%22%5D%7D"
ids() { grep -o '"Id":"[0-9a-f]*"' | cut -d'"' -f4; }
if command -v curl; then
  ask() { curl -sg -m 30 ${socket:+--unix-socket "$socket"} "$@"; }
  list() { ask "$base/containers/json?all=1&filters=$filters" | ids; }
  remove() { ask -X DELETE "$base/containers/$1?force=1&v=1"; }
elif command -v docker; then
  list() { docker -H "$address" ps -aq --no-trunc --filter "label=dev.tidegate.instance=$instance"; }
  remove() { docker -H "$address" rm -f -v "$1"; }
elif [ "$socket" ] && perl -MIO::Socket::UNIX -e 1; then
  ask() {
    perl -MIO::Socket::UNIX -e '
      my ($socket, $line) = @ARGV;
      my $daemon = IO::Socket::UNIX->new(Peer => $socket) or exit 1;
      print $daemon "$line HTTP/1.0\r\nHost: docker\r\n\r\n";
      print while <$daemon>;
    ' "$socket" "$1"
  }
  list() { ask "GET /containers/json?all=1&filters=$filters" | ids; }
  remove() { ask "DELETE /containers/$1?force=1&v=1"; }
else
  echo none >&2
  exit 1
fi
echo ready >&2
exec 2>/dev/null
while read -r line; do :; done
quiet=0
looks=0
while [ $quiet -lt 3 ] && [ $looks -lt 60 ]; do
  looks=$((looks + 1))
  found=$(list)
  if [ "$found" ]; then
    quiet=0
    for id in $found; do remove "$id"; done
  else
    quiet=$((quiet + 1))
    sleep 0.3 || sleep 1
  fi
done
"#;

/// The shell that watches over the containers of one parent.
#[derive(Debug)]
pub(super) struct Watchdog {
    /// Ends with this struct, or with this process.
    _pipe: ChildStdin,
    _child: Child,
}

impl Watchdog {
    /// `Ok(None)` when the machine has nothing to speak to the daemon with.
    pub(super) fn start(instance: &str, address: &str) -> io::Result<Option<Self>> {
        let mut child = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "tidegate-docker-watchdog", instance, address])
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin:/opt/homebrew/bin")
            .env("HOME", "/")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // Ctrl-C in a terminal goes to the parent's group; this one outlives it.
            .process_group(0)
            .spawn()?;
        let mut answer = String::new();
        if let Some(stderr) = child.stderr.take() {
            io::BufRead::read_line(&mut io::BufReader::new(stderr), &mut answer)?;
        }
        let pipe = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        if answer.trim() == "ready" {
            return Ok(Some(Self { _pipe: pipe, _child: child }));
        }
        child.wait()?;
        Ok(None)
    }
}
