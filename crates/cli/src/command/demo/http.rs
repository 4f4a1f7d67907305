//! A web server and a client as small as HTTP allows (RFC 9112): the server tells each visitor the address it saw.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

const LIMIT: Duration = Duration::from_millis(1500);

/// Answers on `listener` from a thread of its own, until the process ends.
pub(super) fn serve(listener: TcpListener, name: &'static str) {
    thread::spawn(move || {
        for visitor in listener.incoming().flatten() {
            let _ = answer(visitor, name); // a visitor that hangs up is its own loss
        }
    });
}

fn answer(mut visitor: TcpStream, name: &str) -> io::Result<()> {
    visitor.set_read_timeout(Some(LIMIT))?;
    let mut request = [0; 1024];
    let _ = visitor.read(&mut request)?;
    let body = format!("{name} sees {}\n", visitor.peer_addr()?.ip());
    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\n";
    let page = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    visitor.write_all(page.as_bytes())
}

/// The body of the page at `to`.
pub(super) fn fetch(to: SocketAddr) -> io::Result<String> {
    let mut server = TcpStream::connect_timeout(&to, LIMIT)?;
    server.set_read_timeout(Some(LIMIT))?;
    let request = format!("GET / HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n\r\n");
    server.write_all(request.as_bytes())?; // in one piece: the server may answer the first and hang up
    let mut page = String::new();
    server.read_to_string(&mut page)?;
    let (head, body) = page.split_once("\r\n\r\n").unwrap_or_default();
    match head.starts_with("HTTP/1.1 200") {
        true => Ok(body.trim_end().to_owned()),
        false => Err(io::Error::other("no HTTP answer")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_tells_whom_it_saw() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        serve(listener, "web");
        assert_eq!(fetch(at).unwrap(), "web sees 127.0.0.1");
    }
}
