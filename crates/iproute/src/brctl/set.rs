//! What `brctl` changes.

use super::bridge;
use crate::Done;
use crate::fault::{Fault, errno_text};
use crate::session::Session;
use crate::value::{if_name, number, quoted};
use core_netlink::link::{Bridge, BridgePort, Kind, Link, LinkSpec, NO_MASTER};

pub(super) fn addbr(s: &mut Session<'_>, words: &[&str]) -> Done {
    let [name] = words else { return Ok(()) };
    let spec = LinkSpec {
        name: Some(if_name("bridge", name).map_err(|fault| fault.code(1))?),
        kind: Some(Kind::Bridge(Bridge::default())),
        ..LinkSpec::default()
    };
    let made = s.conn()?.add_link(&spec);
    made.map(drop).map_err(|err| {
        let original = match err.is_exists() {
            true => format!("device {name} already exists; can't create bridge with the same name"),
            false => format!("add bridge failed: {}", reason(&err)),
        };
        Fault::from(err).original(original).code(1)
    })
}

fn reason(err: &core_netlink::Error) -> String {
    err.errno()
        .map(errno_text)
        .unwrap_or_else(|| "Invalid argument".into())
}

pub(super) fn delbr(s: &mut Session<'_>, words: &[&str]) -> Done {
    let [name] = words else { return Ok(()) };
    let quoted = quoted(name);
    let missing = format!("bridge {quoted} doesn't exist; can't delete it");
    let link = s
        .link(name)
        .map_err(|fault| fault.when_missing(|| Fault::no_device(name).original(missing)))?;
    if !matches!(link.kind, Some(Kind::Bridge(_))) {
        let original = format!("can't delete bridge {quoted}: Operation not permitted");
        return Err(Fault::new(
            1,
            original,
            format!("cannot delete bridge `{quoted}`"),
            format!("it is a {}", link.kind_name().unwrap_or("device")),
        ));
    }
    if link.is_up() {
        let original = format!("bridge {quoted} is still up; can't delete it");
        return Err(Fault::new(
            1,
            original,
            format!("cannot delete bridge `{quoted}`"),
            "it is still up",
        )
        .hint(format!(
            "`vetch link set {quoted} down` first, or `vetch link del {quoted}`"
        )));
    }
    let gone = s.conn()?.delete_link(link.index);
    gone.map_err(|err| Session::named(err, &link).code(1))
}

/// The interface of this name.
fn device(s: &mut Session<'_>, name: &str) -> Done<Link> {
    let missing = format!("interface {} does not exist!", quoted(name));
    s.link(name)
        .map_err(|fault| fault.when_missing(|| Fault::no_device(name).original(missing)))
}

pub(super) fn addif(s: &mut Session<'_>, words: &[&str]) -> Done {
    let [bridge, name] = words else { return Ok(()) };
    let master = self::bridge(s, bridge)?;
    let port = device(s, name)?;
    if let Some(other) = port.master {
        let other = s.link_name(other);
        let original = format!(
            "device {0} is already a member of a bridge; can't add it to bridge {1}.",
            port.name, master.name
        );
        return Err(Fault::new(
            1,
            original,
            format!(
                "cannot add link `{}` to bridge `{}`",
                port.name, master.name
            ),
            format!("it is a port of `{other}`"),
        )
        .hint(format!("`brctl delif {other} {}` first", port.name)));
    }
    set_master(
        s,
        &port,
        master.index,
        format!("can't add {} to bridge {}", port.name, master.name),
    )
}

fn set_master(
    s: &mut Session<'_>,
    port: &Link,
    master: core_netlink::IfIndex,
    what: String,
) -> Done {
    let spec = LinkSpec {
        master: Some(master),
        ..LinkSpec::default()
    };
    let set = s.conn()?.set_link(port.index, &spec);
    set.map_err(|err| {
        let original = format!("{what}: {}", reason(&err));
        Session::named(err, port).original(original).code(1)
    })
}

pub(super) fn delif(s: &mut Session<'_>, words: &[&str]) -> Done {
    let [bridge, name] = words else { return Ok(()) };
    let (master, port) = member(s, bridge, name)?;
    set_master(
        s,
        &port,
        NO_MASTER,
        format!("can't delete {} from {}", port.name, master.name),
    )
}

/// A bridge and one of its ports.
fn member(s: &mut Session<'_>, bridge: &str, name: &str) -> Done<(Link, Link)> {
    let master = self::bridge(s, bridge)?;
    let port = device(s, name)?;
    if port.master == Some(master.index) {
        return Ok((master, port));
    }
    let original = format!("device {} is not a port of {}", port.name, master.name);
    Err(Fault::new(
        1,
        original,
        format!(
            "link `{}` is no port of bridge `{}`",
            port.name, master.name
        ),
        "nothing was done",
    )
    .hint(format!("`brctl show {}` lists its ports", master.name)))
}

fn on_off(text: &str) -> Done<bool> {
    match text {
        "on" | "yes" | "1" => Ok(true),
        "off" | "no" | "0" => Ok(false),
        other => Err(Fault::new(
            1,
            "expect on/off for argument",
            format!("wrong value `{}`", quoted(other)),
            "`on` or `off`",
        )),
    }
}

/// Seconds, as hundredths.
fn seconds(text: &str) -> Done<u32> {
    let value = text
        .parse::<f64>()
        .ok()
        .filter(|value| (0.0..=40_000_000.0).contains(value));
    value
        .map(|value| (value * 100.0).round() as u32)
        .ok_or_else(|| wrong(text, "seconds, such as 15 or 0.5"))
}

fn wrong(text: &str, right: &str) -> Fault {
    Fault::new(
        1,
        format!("bad value {}", quoted(text)),
        format!("wrong value `{}`", quoted(text)),
        right,
    )
}

fn fit<T: TryFrom<u32>>(text: &str, right: &str) -> Done<T> {
    number(text)
        .and_then(|number| number.try_into().ok())
        .ok_or_else(|| wrong(text, right))
}

/// The original says of a bridge that is not there only what the system call said.
fn set_bridge(s: &mut Session<'_>, name: &str, what: &str, change: Bridge) -> Done {
    let missing = |fault: Fault| {
        fault.when_missing(|| {
            Fault::no_device(name).original(format!("set {what} failed: No such device"))
        })
    };
    let link = s.link(name).map_err(missing)?;
    let spec = LinkSpec {
        kind: Some(Kind::Bridge(change)),
        ..LinkSpec::default()
    };
    let set = s.conn()?.set_link(link.index, &spec);
    set.map_err(|err| {
        let original = format!("set {what} failed: {}", reason(&err));
        Session::named(err, &link).original(original).code(1)
    })
}

pub(super) fn setageing(s: &mut Session<'_>, words: &[&str]) -> Done {
    let [name, time] = words else { return Ok(()) };
    let ageing_time = Some(seconds(time)?);
    set_bridge(
        s,
        name,
        "ageing time",
        Bridge {
            ageing_time,
            ..Bridge::default()
        },
    )
}

pub(super) fn setbridgeprio(s: &mut Session<'_>, words: &[&str]) -> Done {
    let [name, priority] = words else {
        return Ok(());
    };
    let priority = Some(fit(priority, "0 to 65535")?);
    set_bridge(
        s,
        name,
        "bridge priority",
        Bridge {
            priority,
            ..Bridge::default()
        },
    )
}

pub(super) fn setfd(s: &mut Session<'_>, words: &[&str]) -> Done {
    let [name, time] = words else { return Ok(()) };
    let forward_delay = Some(seconds(time)?);
    set_bridge(
        s,
        name,
        "forward delay",
        Bridge {
            forward_delay,
            ..Bridge::default()
        },
    )
}

pub(super) fn sethello(s: &mut Session<'_>, words: &[&str]) -> Done {
    let [name, time] = words else { return Ok(()) };
    let hello_time = Some(seconds(time)?);
    set_bridge(
        s,
        name,
        "hello timer",
        Bridge {
            hello_time,
            ..Bridge::default()
        },
    )
}

pub(super) fn setmaxage(s: &mut Session<'_>, words: &[&str]) -> Done {
    let [name, time] = words else { return Ok(()) };
    let max_age = Some(seconds(time)?);
    set_bridge(
        s,
        name,
        "max age",
        Bridge {
            max_age,
            ..Bridge::default()
        },
    )
}

pub(super) fn stp(s: &mut Session<'_>, words: &[&str]) -> Done {
    let [name, state] = words else { return Ok(()) };
    let stp_state = Some(on_off(state)?.into());
    set_bridge(
        s,
        name,
        "stp status",
        Bridge {
            stp_state,
            ..Bridge::default()
        },
    )
}

fn set_port(s: &mut Session<'_>, bridge: &str, name: &str, change: BridgePort) -> Done {
    let (_, port) = member(s, bridge, name)?;
    let set = s.conn()?.set_bridge_port(port.index, &change);
    set.map_err(|err| Session::named(err, &port).code(1))
}

pub(super) fn hairpin(s: &mut Session<'_>, words: &[&str]) -> Done {
    let [bridge, name, state] = words else {
        return Ok(());
    };
    let hairpin = Some(on_off(state)?);
    set_port(
        s,
        bridge,
        name,
        BridgePort {
            hairpin,
            ..BridgePort::default()
        },
    )
}

pub(super) fn setpathcost(s: &mut Session<'_>, words: &[&str]) -> Done {
    let [bridge, name, cost] = words else {
        return Ok(());
    };
    let cost = Some(fit(cost, "1 to 65535")?);
    set_port(
        s,
        bridge,
        name,
        BridgePort {
            cost,
            ..BridgePort::default()
        },
    )
}

pub(super) fn setportprio(s: &mut Session<'_>, words: &[&str]) -> Done {
    let [bridge, name, priority] = words else {
        return Ok(());
    };
    let priority = Some(fit(priority, "0 to 63")?);
    set_port(
        s,
        bridge,
        name,
        BridgePort {
            priority,
            ..BridgePort::default()
        },
    )
}
