//! The way out of what the kernel refuses most: what was tried, its answer, what to do.

const EPERM: i32 = 1;
const ENOENT: i32 = 2;
const ESRCH: i32 = 3;
const EACCES: i32 = 13;
const EBUSY: i32 = 16;
const EEXIST: i32 = 17;
const ENODEV: i32 = 19;
const EINVAL: i32 = 22;
const ERANGE: i32 = 34;
const EOPNOTSUPP: i32 = 95;
const EADDRNOTAVAIL: i32 = 99;
const ENETDOWN: i32 = 100;
const ENETUNREACH: i32 = 101;
const EHOSTUNREACH: i32 = 113;

/// The beginning of what was tried ("" for anything), the answer, the way out.
const HINTS: &[(&str, i32, &str)] = &[
    (
        "move link",
        EEXIST,
        "a link of that name is in the other namespace; give a new one with `name`",
    ),
    (
        "move link",
        EINVAL,
        "this kind of link stays in its namespace",
    ),
    (
        "",
        EPERM,
        "it needs CAP_NET_ADMIN in the namespace: run as root, or inside `vetch sandbox --`",
    ),
    (
        "",
        EACCES,
        "it needs CAP_NET_ADMIN in the namespace: run as root, or inside `vetch sandbox --`",
    ),
    (
        "add link",
        EEXIST,
        "a link of that name is there already (`vetch link`); take another name, or `vetch link del` it first",
    ),
    (
        "add link",
        EOPNOTSUPP,
        "this kernel lacks the kind or one of its options; `modprobe KIND` may load it",
    ),
    (
        "add link",
        EINVAL,
        "an option does not fit the kind; `vetch -d link show` shows what a link of it can hold",
    ),
    (
        "add link",
        EBUSY,
        "the device below has a port or another link of that kind already",
    ),
    (
        "add link",
        ERANGE,
        "a number is out of the kernel's range: a name longer than 15 bytes, or an id too large",
    ),
    (
        "delete link",
        EOPNOTSUPP,
        "a physical device or `lo` cannot be deleted; it can only be set down",
    ),
    (
        "delete link",
        ENODEV,
        "nothing of that name or group is there; `vetch link` lists what is",
    ),
    (
        "set",
        EBUSY,
        "the link is in use: set it down, or take it out of its bridge (`nomaster`), first",
    ),
    (
        "rename link",
        EEXIST,
        "another link has that name; take another, or `vetch link del` that one",
    ),
    (
        "set",
        EINVAL,
        "the value does not fit this link: an MTU outside minmtu..maxmtu (`vetch -d link show`), or a master that is no bridge",
    ),
    (
        "set address",
        EADDRNOTAVAIL,
        "the MAC address is zero or has the multicast bit; the second digit must be even",
    ),
    (
        "move link",
        ESRCH,
        "no process has that number; `vetch netns list` lists named namespaces",
    ),
    ("set", EOPNOTSUPP, "this kind of link cannot do that"),
    (
        "add address",
        EEXIST,
        "the link has that address already; `vetch addr replace` changes its options",
    ),
    (
        "add address",
        EINVAL,
        "address, prefix length and broadcast do not fit each other",
    ),
    (
        "add address",
        EACCES,
        "IPv6 is off on this link: `sysctl net.ipv6.conf.LINK.disable_ipv6=0` in the namespace",
    ),
    (
        "delete address",
        EADDRNOTAVAIL,
        "the link has no such address; name it with its prefix length as `vetch addr show` prints it",
    ),
    (
        "add route",
        EEXIST,
        "a route to there with that metric is in the table; use `replace`, or another `metric`",
    ),
    (
        "add route",
        ENETUNREACH,
        "no address of ours is in the gateway's subnet and its link is not up; add the address first, or say `onlink`",
    ),
    (
        "add route",
        EHOSTUNREACH,
        "the gateway cannot be reached through that link; add an address of its subnet first, or say `onlink`",
    ),
    (
        "add route",
        ENETDOWN,
        "the link is down: `vetch link set LINK up` first",
    ),
    (
        "add route",
        EINVAL,
        "host bits are set behind the prefix length, or the source address is not ours",
    ),
    (
        "add route",
        ENODEV,
        "say `dev LINK`, or give a gateway that an address of ours reaches",
    ),
    (
        "delete route",
        ESRCH,
        "no such route; `vetch route show table all` lists them (table, metric and gateway must match)",
    ),
    (
        "find",
        ENETUNREACH,
        "no route leads there; `vetch route` lists them, `vetch route add default via GATEWAY` makes one",
    ),
    (
        "find",
        EHOSTUNREACH,
        "an `unreachable` route covers it; `vetch route show table all` lists them",
    ),
    (
        "find",
        EINVAL,
        "a `blackhole` route covers it, or the source address is not ours",
    ),
    ("add neighbour", EEXIST, "the entry is there; use `replace`"),
    (
        "add neighbour",
        EINVAL,
        "a permanent or reachable entry needs `lladdr`",
    ),
    (
        "delete neighbour",
        ENOENT,
        "no such entry on this link; `vetch neigh show nud all` lists them",
    ),
    (
        "add forwarding entry",
        EOPNOTSUPP,
        "with `master` the link must be the port of a bridge: `vetch link set LINK master BRIDGE`",
    ),
    (
        "add rule",
        EEXIST,
        "the same rule is there; give another `priority`",
    ),
    (
        "delete rule",
        ENOENT,
        "no rule fits; `vetch rule` lists them",
    ),
    (
        "",
        EBUSY,
        "something holds it; `vetch link show` and `vetch lsns` show what",
    ),
];

/// Words of the kernel that say more than its number.
const WORDS: &[(&str, &str)] = &[
    (
        "Nexthop has invalid gateway",
        "no address of ours is in the gateway's subnet: add the address first, or say `onlink`",
    ),
    (
        "Invalid prefix for given prefix length",
        "host bits are set behind the prefix length: clear them",
    ),
    (
        "Unknown device type",
        "this kernel lacks the kind; `modprobe KIND` may load it",
    ),
    (
        "tun/tap creation via rtnetlink",
        "it is made through /dev/net/tun, as `ip tuntap add` does",
    ),
    (
        "mtu less than device minimum",
        "`vetch -d link show` prints minmtu and maxmtu",
    ),
    (
        "mtu greater than device maximum",
        "`vetch -d link show` prints minmtu and maxmtu",
    ),
    (
        "Address already assigned",
        "the link has that address already; `vetch addr replace` changes its options",
    ),
    (
        "FIB table does not exist",
        "the table has no route; `vetch route show table all` lists every route with its table",
    ),
    (
        "Device is already an upper device",
        "two links would be each other's master",
    ),
];

/// The way out for what was tried and how the kernel answered.
pub(crate) fn kernel(op: &str, errno: Option<i32>, words: Option<&str>) -> Option<&'static str> {
    let op = op.replacen("default route", "route", 1);
    let worded = words.and_then(|words| {
        WORDS
            .iter()
            .find(|(start, _)| words.contains(start))
            .map(|(_, hint)| *hint)
    });
    worded.or_else(|| {
        let fits = |&&(start, number, _): &&(&str, i32, &str)| {
            op.starts_with(start) && errno == Some(number)
        };
        HINTS.iter().find(fits).map(|(_, _, hint)| *hint)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_decides_within_what_was_tried() {
        let link = kernel("add link `br0`", Some(EEXIST), None).unwrap();
        let route = kernel("add route to 10.0.0.0/8", Some(EEXIST), None).unwrap();
        assert!(link.contains("another name") && route.contains("metric"));
        assert!(
            kernel("add link `x`", Some(EINVAL), Some("Unknown device type"))
                .unwrap()
                .contains("modprobe")
        );
        assert!(kernel("add link `x`", None, None).is_none());
        let default = kernel("delete default route", Some(ESRCH), None).unwrap();
        assert!(default.contains("no such route"));
    }
}
