//! Free ports on the loopback interface.

use std::net::{Ipv4Addr, TcpListener};

use crate::error::{Context, Result};

/// `N` different ports that nobody listens on now.
///
/// They are free when this returns, not reserved: whoever starts a server tries again with others if
/// somebody was quicker.
pub(crate) fn free<const N: usize>() -> Result<[u16; N]> {
    // All listeners are held until the last port is known, or the same one could be given twice.
    let mut listeners = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on 127.0.0.1")?;
        *port = listener.local_addr().context("no free port on 127.0.0.1")?.port();
        listeners.push(listener);
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    #[test]
    fn ports_are_different() {
        let mut ports = super::free::<8>().unwrap();
        ports.sort();
        assert!(ports.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
