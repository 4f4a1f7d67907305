//! Connections the kernel still tracks after their rule is gone.

use crate::{Error, Publish, Result};
use core_netlink::Conn;
use std::net::IpAddr;

/// Forgets UDP connections to these ports: a client would keep its old way after publish and keep the container after unpublish.
/// TCP needs none of it. None there is success.
pub fn forget_published(_conn: &mut Conn, _published: &[Publish]) -> Result<()> {
    Err(Error::Restless)
}

/// Forgets every connection from or to this address of a container that is gone.
pub fn forget_address(_conn: &mut Conn, _address: IpAddr) -> Result<()> {
    Err(Error::Restless)
}
