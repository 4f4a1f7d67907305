//! What is proved: who can reach whom, and who cannot.

use super::report::Report;
use super::stage::{OUTSIDE, OUTSIDE_PORT, PRIVATE_PORT, PUBLISHED, Stage, UPLINK, WEB_PORT, ip};
use super::{http, ping};
use crate::failure::Failure;
use crate::output::Output;
use ns_mgmt::NetNs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

type Evidence = Result<String, String>;

/// Every proof, told as it ends.
pub(super) fn all(stage: &Stage, report: &mut Report, out: &mut Output) -> Result<(), Failure> {
    let web = stage.web.address();
    let (client, outside) = (&stage.client.namespace, &stage.outside);
    report.prove(out, "container to container", || {
        sees(fetch(client, web, WEB_PORT), "web", stage.client.address())
    })?;
    report.prove(out, "container to its gateway", || {
        echo(client, stage.gateway())
    })?;
    report.prove(out, "container to the outside, masqueraded", || {
        sees(fetch(client, OUTSIDE, OUTSIDE_PORT), "outside", UPLINK)
    })?;
    report.prove(out, "outside to the published port", || {
        sees(fetch(outside, UPLINK, PUBLISHED), "web", OUTSIDE)
    })?;
    report.prove(out, "this host to the published port", || {
        fetched(fetch_here(UPLINK, PUBLISHED))
    })?;
    report.prove(out, "a port that is not published: closed", || {
        closed(fetch(outside, UPLINK, PRIVATE_PORT))
    })?;
    report.prove(out, "straight to the container's address: closed", || {
        routed(stage).map_err(|failure| failure.to_string())?;
        closed(fetch(outside, web, WEB_PORT))
    })?;
    report.prove(out, "a veth moved by hand forgets", || {
        moved_veth().map_err(|failure| failure.to_string())?
    })
}

fn fetch(from: &NetNs, to: Ipv4Addr, port: u16) -> io::Result<String> {
    let to = SocketAddr::from((to, port));
    from.run(move || http::fetch(to))
        .map_err(io::Error::other)?
}

fn fetch_here(to: Ipv4Addr, port: u16) -> io::Result<String> {
    http::fetch((to, port).into())
}

fn fetched(page: io::Result<String>) -> Evidence {
    page.map_err(|err| err.to_string())
}

/// The page must say that `who` saw exactly this visitor.
fn sees(page: io::Result<String>, who: &str, visitor: Ipv4Addr) -> Evidence {
    let page = fetched(page)?;
    if page == format!("{who} sees {visitor}") {
        Ok(page)
    } else {
        Err(page)
    }
}

/// Nothing may answer; silence and refusal both count.
fn closed(page: io::Result<String>) -> Evidence {
    match page {
        Ok(page) => Err(format!("open: {page}")),
        Err(err) if err.kind() == io::ErrorKind::ConnectionRefused => Ok("refused".to_owned()),
        Err(err)
            if matches!(
                err.kind(),
                io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock
            ) =>
        {
            Ok("no answer".to_owned())
        }
        Err(err) => Err(err.to_string()),
    }
}

fn echo(from: &NetNs, to: Ipv4Addr) -> Evidence {
    let answer = from
        .run(move || ping::ping(to))
        .map_err(|err| err.to_string())?;
    match answer {
        Ok(took) => Ok(format!("{to} answers in {} us", took.as_micros())),
        Err(err) => Err(err.to_string()),
    }
}

/// The outside host learns the way to the containers, as an attacker on the same network would set it.
fn routed(stage: &Stage) -> Result<(), Failure> {
    let to = stage
        .network
        .subnets
        .first()
        .map(|subnet| subnet.prefix.to_string());
    ip(&format!(
        "-n outside route add {} via {UPLINK}",
        to.unwrap_or_default()
    ))
    .map(drop)
}

/// The textbook's lesson: a link that moves to another namespace is down there and has lost its addresses.
fn moved_veth() -> Result<Evidence, Failure> {
    for words in [
        "netns add elsewhere",
        "link add left0 type veth peer name right0",
        "addr add 192.0.2.1/24 dev right0",
        "link set right0 up",
        "link set right0 netns elsewhere",
    ] {
        ip(words)?;
    }
    let seen = ip("-n elsewhere -j addr show dev right0")?;
    let seen: serde_json::Value = serde_json::from_str(&seen).map_err(io::Error::from)?;
    let link = &seen[0];
    let flags = link["flags"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let addresses = link["addr_info"].as_array().map_or(usize::MAX, Vec::len);
    Ok(match (flags.iter().any(|flag| flag == "UP"), addresses) {
        (false, 0) => Ok("down, and no address left".to_owned()),
        (up, left) => Err(format!("up: {up}, addresses: {left}")),
    })
}
