//! What our tables make of a new connection: the ruleset as a function over the elements that the kernel has. Pure but for the reading.

#[cfg(test)]
mod tests;

use crate::kernel::whole;
use crate::{Element, Result, Set, Transport, elements};
use core_netlink::nft::{Family, Value};
use core_netlink::{Conn, IfName};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

const NO_TABLE: &str = "the tables of vetch are missing or not whole: nothing is closed";
const PASSED: &str = "no rule of vetch is in the way";

/// The elements of our tables, as the kernel has them.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The tables of layer 2 and of layer 3.
    whole: [bool; 2],
    elements: HashMap<Set, Vec<Element>>,
}

/// What becomes of a packet, and by which rule.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decision {
    /// Whether it passes, as far as our tables go.
    pub accepted: bool,
    /// The chain and the rule, as nft writes it: `inet vetch forward: oifname @nets drop`.
    pub by: String,
}

/// A connection to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The interface its packets come in by.
    pub from: IfName,
    /// Where to, when the chain in question sees it.
    pub to: SocketAddr,
    /// By which protocol.
    pub transport: Transport,
}

impl Rules {
    /// Reads both tables. A dump of every set: for diagnostics.
    pub fn read(conn: &mut Conn) -> Result<Rules> {
        Ok(Rules::new(whole(conn)?, elements(conn)?))
    }

    fn new(whole: [bool; 2], all: impl IntoIterator<Item = Element>) -> Rules {
        let mut elements: HashMap<Set, Vec<Element>> = HashMap::new();
        for element in all {
            elements.entry(element.set).or_default().push(element);
        }
        Rules { whole, elements }
    }

    /// Whether both tables are there and whole.
    pub fn is_installed(&self) -> bool {
        self.whole == [true; 2]
    }

    /// Whether the table of layer 2 is: without it, nothing stops who sends with a forged address.
    pub fn guards(&self) -> bool {
        self.whole[0]
    }

    /// Whether the table of layer 3 is: without it, nothing else is closed.
    pub fn closes(&self) -> bool {
        self.whole[1]
    }

    /// The elements of one set.
    pub fn of(&self, set: Set) -> &[Element] {
        self.elements.get(&set).map_or(&[], Vec::as_slice)
    }

    /// Whether an interface is in a set of interfaces.
    pub fn has(&self, set: Set, interface: IfName) -> bool {
        self.find(set, &[Value::Name(interface)]).is_some()
    }

    /// Whether packets may pass from one interface to another by a set of such pairs.
    pub fn joins(&self, set: Set, from: IfName, into: IfName) -> bool {
        let pair = [Value::Name(from), Value::Name(into)];
        self.find(set, &pair).is_some()
    }

    fn find(&self, set: Set, key: &[Value]) -> Option<&Element> {
        self.of(set).iter().find(|element| holds(element, key))
    }

    /// The published port that takes a connection to this address of the host; chain `publish`, reached by nat_in and nat_out.
    pub fn published(&self, to: SocketAddr, transport: Transport) -> Option<&Element> {
        if to.ip() == IpAddr::V6(Ipv6Addr::LOCALHOST) {
            return None;
        }
        let port = [Value::Protocol(transport.number()), Value::Port(to.port())];
        let at: Vec<Value> = [Value::Ip(to.ip())]
            .into_iter()
            .chain(port.clone())
            .collect();
        let [addr, any, range] = match to.is_ipv4() {
            true => [Set::Addr4, Set::Any4, Set::Range4],
            false => [Set::Addr6, Set::Any6, Set::Range6],
        };
        let found = self.find(addr, &at).or_else(|| self.find(any, &port));
        found.or_else(|| self.find(range, &at))
    }

    /// To this host itself: chain `input`.
    pub fn input(&self, attempt: &Attempt) -> Decision {
        if !self.closes() {
            return accept_by(NO_TABLE);
        }
        let to = attempt.to.ip();
        if self.has(Set::Nets, attempt.from) {
            return match to.is_loopback() && to.is_ipv4() {
                true => drop_by("early: ip daddr 127.0.0.0/8 iifname @nets drop"),
                false => self.container_input(attempt),
            };
        }
        if attempt.from.as_bytes() == b"lo" {
            return accept_by("inet vetch input: iif lo accept");
        }
        let (gate, rule) = match to.is_ipv4() {
            true => (Set::Gate4, "input: ip daddr @gate4 ct state new drop"),
            false => (Set::Gate6, "input: ip6 daddr @gate6 ct state new drop"),
        };
        match self.find(gate, &[Value::Ip(to)]) {
            Some(_) => drop_by(rule),
            None => accept_by(PASSED),
        }
    }

    fn container_input(&self, attempt: &Attempt) -> Decision {
        let Attempt {
            from,
            to,
            transport,
        } = attempt;
        let service = [
            Value::Name(*from),
            Value::Protocol(transport.number()),
            Value::Port(to.port()),
        ];
        if let Some(denied) = self.denied(attempt) {
            return denied;
        }
        if self.find(Set::Service, &service).is_some() {
            return accept_by(
                "inet vetch from_container: iifname . meta l4proto . th dport @service accept",
            );
        }
        if let Some(denied) = self.not_allowed(attempt) {
            return denied;
        }
        match self.has(Set::Host, *from) {
            true => accept_by("inet vetch from_container: iifname @host accept"),
            false => drop_by("from_container: drop"),
        }
    }

    fn denied(&self, attempt: &Attempt) -> Option<Decision> {
        let (sets, rules) = match attempt.to.is_ipv4() {
            true => (
                [Set::Deny4, Set::DenyPort4],
                [
                    "denied: iifname . ip daddr @deny4 drop",
                    "denied: iifname . ip daddr . meta l4proto . th dport @denyport4 drop",
                ],
            ),
            false => (
                [Set::Deny6, Set::DenyPort6],
                [
                    "denied: iifname . ip6 daddr @deny6 drop",
                    "denied: iifname . ip6 daddr . meta l4proto . th dport @denyport6 drop",
                ],
            ),
        };
        let hit = self.listed(attempt, sets)?;
        Some(drop_by(rules[hit]))
    }

    fn not_allowed(&self, attempt: &Attempt) -> Option<Decision> {
        if !self.has(Set::Listed, attempt.from) {
            return None;
        }
        let sets = match attempt.to.is_ipv4() {
            true => [Set::Allow4, Set::AllowPort4],
            false => [Set::Allow6, Set::AllowPort6],
        };
        match self.listed(attempt, sets) {
            Some(_) => None,
            None => Some(drop_by("allowed: drop")),
        }
    }

    /// Which of the two sets has it: that of prefixes, or that of prefixes with ports.
    fn listed(&self, attempt: &Attempt, [prefixes, ports]: [Set; 2]) -> Option<usize> {
        let mut key = vec![Value::Name(attempt.from), Value::Ip(attempt.to.ip())];
        if !self.has(Set::Listed, attempt.from) {
            return None;
        }
        if self.find(prefixes, &key).is_some() {
            return Some(0);
        }
        key.push(Value::Protocol(attempt.transport.number()));
        key.push(Value::Port(attempt.to.port()));
        self.find(ports, &key).map(|_| 1)
    }

    /// Through this host, out by `into`; `translated` if a published port led there. Chain `forward`.
    pub fn forward(&self, attempt: &Attempt, into: IfName, translated: bool) -> Decision {
        let from = attempt.from;
        if !self.closes() {
            return accept_by(NO_TABLE);
        }
        if self.joins(Set::Pairs, from, into) {
            return accept_by("inet vetch forward: iifname . oifname @pairs accept");
        }
        if self.joins(Set::Apart, from, into) {
            return drop_by("forward: iifname . oifname @apart drop");
        }
        if let Some(denied) = self.denied(attempt).or_else(|| self.not_allowed(attempt)) {
            return denied;
        }
        if self.joins(Set::Reach, from, into) {
            return accept_by("inet vetch forward: iifname . oifname @reach accept");
        }
        if self.are_same(attempt, into) {
            return accept_by(
                "inet vetch forward: iifname @routed oifname @routed ip saddr . ip daddr @same4 accept",
            );
        }
        self.between(attempt, into, translated)
    }

    /// Whether both ends are behind links of their own, in one network.
    fn are_same(&self, attempt: &Attempt, into: IfName) -> bool {
        let (own, same) = match attempt.to.is_ipv4() {
            true => (Set::Own4, Set::Same4),
            false => (Set::Own6, Set::Same6),
        };
        let to = Value::Ip(attempt.to.ip());
        let mut own = self
            .of(own)
            .iter()
            .filter_map(|element| match element.key.as_slice() {
                [Value::Name(name), ip] if *name == attempt.from => Some(ip.clone()),
                _ => None,
            });
        self.has(Set::Routed, into) && own.any(|ip| self.find(same, &[ip, to.clone()]).is_some())
    }

    fn between(&self, attempt: &Attempt, into: IfName, translated: bool) -> Decision {
        let from = attempt.from;
        let v4 = attempt.to.is_ipv4();
        let family = Value::Family(if v4 { Family::Ip } else { Family::Ip6 });
        let opened = || {
            let key = [Value::Name(from), family.clone()];
            self.find(Set::Opened, &key).is_some()
        };
        if self.has(Set::Internal, from) {
            return drop_by("forward: iifname @internal drop");
        }
        if self.has(Set::Internal, into) {
            return drop_by("forward: oifname @internal drop");
        }
        if self.has(Set::Nets, into) {
            return match translated {
                true => accept_by("inet vetch forward: oifname @nets ct status dnat accept"),
                false if self.has(Set::Reachable, into) => {
                    accept_by("inet vetch forward: oifname @reachable accept")
                }
                false => drop_by("forward: oifname @nets drop"),
            };
        }
        if self.has(Set::Nets, from) {
            return accept_by("inet vetch forward: iifname @nets accept");
        }
        if opened() {
            return match translated {
                true => accept_by(
                    "inet vetch forward: iifname . meta nfproto @opened ct status dnat accept",
                ),
                false => drop_by("forward: iifname . meta nfproto @opened drop"),
            };
        }
        match self.find(Set::Closed, std::slice::from_ref(&family)) {
            Some(_) => drop_by("forward: meta nfproto @closed drop"),
            None => accept_by(PASSED),
        }
    }
}

fn accept_by(by: &str) -> Decision {
    Decision {
        accepted: true,
        by: by.to_owned(),
    }
}

fn drop_by(rule: &str) -> Decision {
    Decision {
        accepted: false,
        by: format!("inet vetch {rule}"),
    }
}

/// Whether an element is the key, or an interval that has it in it, field by field.
fn holds(element: &Element, key: &[Value]) -> bool {
    let same_length = element.key.len() == key.len();
    let within = |(at, value): (usize, &Value)| match &element.end {
        None => element.key[at] == *value,
        Some(end) => end
            .get(at)
            .is_some_and(|high| is_between(value, &element.key[at], high)),
    };
    same_length && key.iter().enumerate().all(within)
}

fn is_between(value: &Value, low: &Value, high: &Value) -> bool {
    match (value, low, high) {
        (Value::Ip(IpAddr::V4(ip)), Value::Ip(IpAddr::V4(low)), Value::Ip(IpAddr::V4(high))) => {
            (low..=high).contains(&ip)
        }
        (Value::Ip(IpAddr::V6(ip)), Value::Ip(IpAddr::V6(low)), Value::Ip(IpAddr::V6(high))) => {
            (low..=high).contains(&ip)
        }
        (Value::Port(port), Value::Port(low), Value::Port(high)) => (low..=high).contains(&port),
        _ => value == low,
    }
}
