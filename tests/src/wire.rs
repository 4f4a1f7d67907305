//! Packets between nodes: ping, and TCP and UDP servers that answer each client with the address they saw.

use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::node::Node;

/// How long one connection or one echo may take.
const ONCE: Duration = Duration::from_millis(1300); // a lost SYN is sent again after a second
/// How long `reaches` goes on trying.
const PATIENCE: Duration = Duration::from_secs(4);

impl Node {
    /// Whether one ICMP echo is answered within a second.
    #[track_caller]
    pub fn ping(&self, to: &str) -> bool {
        self.cmd(&format!("ping -n -q -c 1 -W 1 {to}")).code == 0
    }

    /// Whether an ICMP echo is answered before patience ends (ports may still be learning).
    #[track_caller]
    pub fn reaches(&self, to: &str) -> bool {
        let end = Instant::now() + PATIENCE;
        loop {
            if self.ping(to) {
                return true;
            }
            if Instant::now() > end {
                return false;
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Serves TCP on this address (`0.0.0.0:80`, `[::]:80`) until dropped.
    #[track_caller]
    pub fn tcp_server(&self, at: &str) -> Server {
        let listener = self
            .run(|| TcpListener::bind(at))
            .unwrap_or_else(|e| panic!("[{}] listen on tcp {at}: {e}", self.name()));
        waits(&listener);
        let address = listener.local_addr().expect("the listener's address");
        Server::start(address, move |seen| {
            let (mut stream, from) = listener.accept()?;
            seen(from);
            stream.write_all(from.to_string().as_bytes())
        })
    }

    /// Serves UDP on this address until dropped.
    #[track_caller]
    pub fn udp_server(&self, at: &str) -> Server {
        let socket = self
            .run(|| UdpSocket::bind(at))
            .unwrap_or_else(|e| panic!("[{}] listen on udp {at}: {e}", self.name()));
        waits(&socket);
        let address = socket.local_addr().expect("the socket's address");
        Server::start(address, move |seen| {
            let (_, from) = socket.recv_from(&mut [0; 2048])?;
            seen(from);
            socket.send_to(from.to_string().as_bytes(), from).map(drop)
        })
    }

    /// Connects to a [`Server`] and answers the source address that it saw; an error after a second.
    pub fn tcp(&self, to: &str) -> io::Result<SocketAddr> {
        let to = parse(to)?;
        self.run(|| {
            let mut stream = TcpStream::connect_timeout(&to, ONCE)?;
            stream.set_read_timeout(Some(ONCE))?;
            let mut seen = String::new();
            stream.read_to_string(&mut seen)?;
            parse(&seen)
        })
    }

    /// Sends datagrams to a [`Server`] until it answers, for a second; answers the source address that it saw.
    pub fn udp(&self, to: &str) -> io::Result<SocketAddr> {
        let to = parse(to)?;
        let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        self.run(|| {
            let socket = UdpSocket::bind(any)?;
            socket.connect(to)?;
            socket.set_read_timeout(Some(ONCE / 4))?;
            let end = Instant::now() + ONCE;
            loop {
                let mut buffer = [0; 128];
                match socket
                    .send(b"who am I")
                    .and_then(|_| socket.recv(&mut buffer))
                {
                    Ok(n) => return parse(&String::from_utf8_lossy(&buffer[..n])),
                    Err(e) if Instant::now() > end => return Err(e),
                    Err(_) => thread::sleep(Duration::from_millis(10)),
                }
            }
        })
    }
}

/// A server waits for its next client this long before it looks whether it shall end.
fn waits(socket: &impl AsFd) {
    setsockopt(socket, sockopt::ReceiveTimeout, &TimeVal::milliseconds(20))
        .expect("a limit for waiting");
}

fn parse(text: &str) -> io::Result<SocketAddr> {
    text.parse().map_err(|_| {
        io::Error::new(
            ErrorKind::InvalidData,
            format!("`{text}` is no socket address"),
        )
    })
}

/// A server on a thread, in a node. It stops when dropped.
pub struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<SocketAddr>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(
        address: SocketAddr,
        serve: impl Fn(&dyn Fn(SocketAddr)) -> io::Result<()> + Send + 'static,
    ) -> Server {
        let (seen, stop) = (
            Arc::new(Mutex::new(Vec::new())),
            Arc::new(AtomicBool::new(false)),
        );
        let (list, end) = (Arc::clone(&seen), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            // Noted before it is answered: a client that has its answer may ask at once who was seen.
            let note = |from| list.lock().expect("the list of clients").push(from);
            while !end.load(Ordering::Relaxed) {
                if serve(&note).is_err_and(|err| err.kind() != ErrorKind::WouldBlock) {
                    thread::sleep(Duration::from_millis(2));
                }
            }
        });
        Server {
            address,
            seen,
            stop,
            thread: Some(thread),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The source addresses of all clients so far.
    pub fn seen(&self) -> Vec<IpAddr> {
        self.seen
            .lock()
            .expect("the list of clients")
            .iter()
            .map(SocketAddr::ip)
            .collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
