//! The way out of a machine's network for its metadata requests: QEMU runs this once a connection.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;

/// Connects standard input and output to a unix socket, until the service closes.
///
/// # Errors
///
/// When nobody listens on the socket, or reading or writing fails.
pub fn relay(socket: &Path) -> io::Result<()> {
    let mut service = UnixStream::connect(socket)?;
    let mut requests = service.try_clone()?;
    // Not joined: QEMU may hold its end open for longer than the service has anything to say.
    thread::spawn(move || {
        let _ = pump(&mut io::stdin().lock(), &mut requests);
        let _ = requests.shutdown(Shutdown::Write);
    });
    pump(&mut service, &mut io::stdout().lock())
}

/// Copies, passing on at once what has come: standard output is line-buffered otherwise.
fn pump(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                to.write_all(&buffer[..count])?;
                to.flush()?;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}
