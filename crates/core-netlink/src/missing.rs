//! What the kernel was built without: the option behind each kind of link, queueing discipline, filter and action.

use crate::error::Error;
use nix::libc::{ENOENT, EOPNOTSUPP};

/// How the kernel says that it does not know a kind: the number, and words that begin or stand alone.
struct Refusal {
    errno: i32,
    words: &'static [&'static str],
}

/// `rtnl_newlink` of net/core/rtnetlink.c.
const LINK: Refusal = Refusal {
    errno: EOPNOTSUPP,
    words: &["Unknown device type"],
};
/// `qdisc_create` of net/sched/sch_api.c.
const QDISC: Refusal = Refusal {
    errno: ENOENT,
    words: &[
        "Specified qdisc kind is unknown",
        "Specified qdisc not found",
    ],
};
/// `tcf_proto_lookup_ops` of net/sched/cls_api.c.
const FILTER: Refusal = Refusal {
    errno: ENOENT,
    words: &["TC classifier not found"],
};
/// `tc_action_load_ops` of net/sched/act_api.c.
const ACTION: Refusal = Refusal {
    errno: ENOENT,
    words: &["Failed to load TC action module"],
};

/// Kind, option, module, and how it is refused.
const KINDS: &[(&str, &str, &str, &Refusal)] = &[
    ("bridge", "CONFIG_BRIDGE", "bridge", &LINK),
    ("dummy", "CONFIG_DUMMY", "dummy", &LINK),
    ("ifb", "CONFIG_IFB", "ifb", &LINK),
    ("ipvlan", "CONFIG_IPVLAN", "ipvlan", &LINK),
    ("macvlan", "CONFIG_MACVLAN", "macvlan", &LINK),
    ("macvtap", "CONFIG_MACVTAP", "macvtap", &LINK),
    ("tun", "CONFIG_TUN", "tun", &LINK),
    ("veth", "CONFIG_VETH", "veth", &LINK),
    ("vlan", "CONFIG_VLAN_8021Q", "8021q", &LINK),
    ("vrf", "CONFIG_NET_VRF", "vrf", &LINK),
    ("vxlan", "CONFIG_VXLAN", "vxlan", &LINK),
    ("clsact", "CONFIG_NET_SCH_INGRESS", "sch_ingress", &QDISC),
    ("ingress", "CONFIG_NET_SCH_INGRESS", "sch_ingress", &QDISC),
    ("tbf", "CONFIG_NET_SCH_TBF", "sch_tbf", &QDISC),
    (
        "matchall",
        "CONFIG_NET_CLS_MATCHALL",
        "cls_matchall",
        &FILTER,
    ),
    ("u32", "CONFIG_NET_CLS_U32", "cls_u32", &FILTER),
    ("mirred", "CONFIG_NET_ACT_MIRRED", "act_mirred", &ACTION),
];

/// What to do next if `err` says that the kernel does not know `kind`, a link, queueing discipline, filter or action by its name in
/// `ip` and `tc`: the option it was built without. `None` if it says something else, or nothing is known of the kind.
///
/// [`Conn::add_link`](crate::Conn::add_link), [`add_qdisc`](crate::Conn::add_qdisc) and
/// [`add_filter`](crate::Conn::add_filter) do so themselves: see [`Error::hint`].
///
/// ```
/// use core_netlink::{Conn, fake::Reply, link::{AddLink, Kind, LinkSpec}, missing_kind};
/// let mut conn = Conn::fake(|_| Reply::Errno(95)); // EOPNOTSUPP
/// let dummy = LinkSpec { kind: Some(Kind::Dummy), ..LinkSpec::default() };
/// let err = conn.create(&AddLink(&dummy)).unwrap_err();
/// let hint = "this kernel has no dummy: `modprobe dummy` loads it if it was built, else it needs CONFIG_DUMMY";
/// assert_eq!(missing_kind(&err, "dummy").as_deref(), Some(hint));
/// ```
pub fn missing_kind(err: &Error, kind: &str) -> Option<String> {
    let (_, option, module, refusal) = KINDS.iter().find(|(name, ..)| *name == kind)?;
    let said = |text: &str| refusal.words.iter().any(|words| text.starts_with(words));
    let refused = err.errno() == Some(refusal.errno) && err.kernel_text().is_none_or(said);
    refused.then(|| {
        format!("this kernel has no {kind}: `modprobe {module}` loads it if it was built, else it needs {option}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Cause, KernelError};

    fn error(errno: i32, text: Option<&str>) -> Error {
        let kernel = KernelError {
            errno,
            text: text.map(str::to_owned),
            attribute: None,
            missing: None,
        };
        Error::new("add it", Cause::Kernel(kernel))
    }

    #[track_caller]
    fn check(kind: &str, errno: i32, text: Option<&str>, option: Option<&str>) {
        let hint = missing_kind(&error(errno, text), kind);
        assert_eq!(hint.is_some(), option.is_some(), "{hint:?}");
        let option = option.unwrap_or_default();
        assert!(hint.unwrap_or_default().ends_with(option));
    }

    #[test]
    fn each_kind_names_its_option() {
        for (kind, option, _, refusal) in KINDS {
            check(kind, refusal.errno, None, Some(option));
            check(kind, refusal.errno, Some(refusal.words[0]), Some(option));
        }
        check(
            "vrf",
            EOPNOTSUPP,
            Some("Unknown device type"),
            Some(" CONFIG_NET_VRF"),
        );
    }

    #[test]
    fn another_refusal_is_no_want_of_a_kind() {
        check(
            "vlan",
            EOPNOTSUPP,
            Some("VLAN not supported on device"),
            None,
        );
        check("vlan", 17, None, None);
        check("tbf", ENOENT, Some("Failed to find specified qdisc"), None);
        check("tbf", EOPNOTSUPP, None, None);
        check("nosuchkind", EOPNOTSUPP, None, None);
    }

    #[test]
    fn of_a_filter_and_its_actions_the_one_is_named_that_is_missing() {
        let hint = |text: &str| {
            let err = error(ENOENT, Some(text)).for_want_of(["matchall", "mirred"]);
            err.hint().map(str::to_owned).unwrap_or_default()
        };
        assert!(hint("TC classifier not found").ends_with("CONFIG_NET_CLS_MATCHALL"));
        assert!(hint("Failed to load TC action module").ends_with("CONFIG_NET_ACT_MIRRED"));
        assert_eq!(hint("Parent Qdisc doesn't exists"), "");
        let err = error(ENOENT, Some("TC classifier not found")).for_want_of(["u32"]);
        assert_eq!(
            format!("{err:?}"),
            "cannot add it: No such file or directory (TC classifier not found); hint: this kernel has no u32: `modprobe cls_u32` \
             loads it if it was built, else it needs CONFIG_NET_CLS_U32"
        );
    }
}
