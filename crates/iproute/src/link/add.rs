//! `ip link add`.

use super::kinds;
use super::words;
use crate::Done;
use crate::args::Args;
use crate::fault::Fault;
use crate::session::Session;
use crate::value::{fit, if_name};
use core_netlink::IfIndex;
use core_netlink::link::{Kind, LinkSpec};

pub(super) const USAGE: &str = "[link LINK] [name] NAME [mtu N] [address MAC] [master BRIDGE] [netns NS] [txqueuelen N] [numtxqueues N] [up] type KIND [OPTIONS]";

pub(super) fn add(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    let spec = read(s, args)?;
    check(&spec)?;
    s.conn()?.add_link(&spec).map(drop).map_err(Fault::from)
}

fn read(s: &mut Session<'_>, args: &mut Args<'_>) -> Done<LinkSpec> {
    let mut spec = LinkSpec::default();
    while let Some(word) = args.next()? {
        match word {
            "type" => {
                spec.kind = Some(kinds::read(s, args, &spec)?);
                break;
            }
            "link" => spec.link = Some(s.link_index(args.value("link")?)?),
            "index" => spec.index = Some(index(args.value("index")?)?),
            "dev" => spec.name = Some(if_name("dev", args.value("dev")?)?),
            _ if words::take(s, args, word, &mut spec)? => {}
            _ if spec.name.is_some() => return Err(Fault::garbage(word)),
            name => spec.name = Some(if_name("dev", name)?),
        }
    }
    Ok(spec)
}

fn index(text: &str) -> Done<IfIndex> {
    let index: u32 = fit("index", text)?;
    let fits = (1..=i32::MAX as u32).contains(&index);
    fits.then_some(IfIndex(index))
        .ok_or_else(|| Fault::bad_value("index", text, "1 to 2147483647"))
}

/// What is missing, and what would collide.
fn check(spec: &LinkSpec) -> Done {
    let Some(kind) = &spec.kind else {
        let original = "Not enough information: \"type\" argument is required";
        return Err(Fault::new(255, original, "cannot add a link", "its kind is not given").code(1)
            .hint("`type KIND` must follow: veth, bridge, vlan, macvlan, ipvlan, vxlan, vrf, dummy, ifb"));
    };
    let on_another = matches!(
        kind,
        Kind::Vlan(_) | Kind::Macvlan(_) | Kind::Macvtap(_) | Kind::Ipvlan(_)
    );
    if on_another && spec.link.is_none() {
        let why = format!(
            "a {} is built on another link, which is not given",
            kind.name()
        );
        return Err(Fault::new(
            2,
            "RTNETLINK answers: No such device",
            format!("cannot add link {}", name(spec)),
            why,
        )
        .hint("say `link LINK` before `type`"));
    }
    Ok(())
}

fn name(spec: &LinkSpec) -> String {
    spec.name
        .map_or("without a name".to_owned(), |name| format!("`{name}`"))
}
