//! Who holds a port, as far as the system tells (proc(5)).

use keyfob_oauth::text;
use std::fmt;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Who listens at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// This program.
    Program {
        /// Its number.
        process: u32,
        /// What it is called, made printable.
        name: String,
    },
    /// A program of this user that shows nobody what it has open, as `keyfob` itself does.
    Hidden,
    /// A program of another user.
    AnotherUsers,
    /// The system does not tell, or it has just let go.
    Unknown,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program { process, name } => write!(f, "`{name}` (process {process})"),
            Self::Hidden => {
                f.write_str("a program of yours that does not show itself, such as another sign-in")
            }
            Self::AnotherUsers => f.write_str("another user's program"),
            Self::Unknown => f.write_str("an unknown program"),
        }
    }
}

/// Returns who listens at `address`; nobody is spoken to.
pub(super) fn of(address: SocketAddr) -> Holder {
    let tables = ["/proc/self/net/tcp", "/proc/self/net/tcp6"]
        .map(|path| fs::read_to_string(path).unwrap_or_default());
    let Some(socket) = tables.iter().find_map(|table| listening(table, address)) else {
        return Holder::Unknown;
    };
    match process_with(&format!("socket:[{}]", socket.inode)) {
        Some((process, name)) => Holder::Program { process, name },
        None if socket.user == rustix::process::getuid().as_raw() => Holder::Hidden,
        None => Holder::AnotherUsers,
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Socket {
    user: u32,
    inode: u64,
}

const LISTENING: &str = "0A";

/// Finds the socket in a table of the kernel's that keeps others from listening at `address`.
fn listening(table: &str, address: SocketAddr) -> Option<Socket> {
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let &[_, local, _, LISTENING, _, _, _, user, _, inode, ..] = fields.as_slice() else { return None };
        let (ip, port) = local.split_once(':')?;
        let is_there =
            u16::from_str_radix(port, 16).ok()? == address.port() && covers(parse(ip)?, address.ip());
        if !is_there {
            return None;
        }
        Some(Socket { user: user.parse().ok()?, inode: inode.parse().ok()? })
    })
}

/// Whether who listens at `held` is in the way of `wanted`; `::` usually stands for both families.
fn covers(held: IpAddr, wanted: IpAddr) -> bool {
    held == wanted || (held.is_unspecified() && (held.is_ipv6() || wanted.is_ipv4()))
}

/// Reads an address as words of 32 bits in this machine's order.
fn parse(hex: &str) -> Option<IpAddr> {
    let word = |index: usize| {
        let digits = hex.get(8 * index..8 * index + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    match hex.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
            Some(Ipv6Addr::from(<[u8; 16]>::try_from(words).ok()?).into())
        }
        _ => None,
    }
}

/// Finds the process that has this open, among those that we may look into.
fn process_with(open: &str) -> Option<(u32, String)> {
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let process = entry.file_name().to_str()?.parse().ok()?;
        let files = fs::read_dir(entry.path().join("fd")).ok()?;
        let has_it =
            |file: fs::DirEntry| fs::read_link(file.path()).is_ok_and(|target| target.as_os_str() == open);
        if !files.flatten().any(has_it) {
            return None;
        }
        let name = fs::read_to_string(entry.path().join("comm")).ok()?;
        Some((process, text::printable(&name)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn c_06_the_holder_of_a_port_is_found_without_speaking_to_it() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();

        let Holder::Program { process, name } = of(address) else { panic!("a program") };

        assert_eq!(process, std::process::id());
        assert!(!name.is_empty() && !name.contains('\n'), "{name:?}");
        listener.set_nonblocking(true).unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
        drop(listener);
        assert_eq!(of(address), Holder::Unknown);
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn a_socket_of_any_address_is_in_the_way_of_loopback() {
        let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
        let line = |local: &str, state: &str| {
            format!(
                "{head}   0: {local} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100 0 0 10 0\n"
            )
        };
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 1455));
        let six = SocketAddr::from((Ipv6Addr::LOCALHOST, 1455));
        let found = Some(Socket { user: 1000, inode: 4711 });

        assert_eq!(listening(&line("0100007F:05AF", LISTENING), loopback), found);
        assert_eq!(listening(&line("00000000:05AF", LISTENING), loopback), found);
        assert_eq!(listening(&line("00000000:05AF", LISTENING), six), None);
        assert_eq!(listening(&line("0100007F:05AF", "01"), loopback), None);
        assert_eq!(listening(&line("0100007F:05B1", LISTENING), loopback), None);
        assert_eq!(listening(&line("0200007F:05AF", LISTENING), loopback), None);
        let any = "0".repeat(32);
        assert_eq!(listening(&line(&format!("{any}:05AF"), LISTENING), loopback), found);
        let one = "00000000000000000000000001000000";
        assert_eq!(listening(&line(&format!("{one}:05AF"), LISTENING), six), found);
        assert_eq!(listening(&line(&format!("{one}:05AF"), LISTENING), loopback), None);
    }
}
