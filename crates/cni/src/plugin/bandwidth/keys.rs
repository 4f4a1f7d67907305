//! The keys of `bandwidth`: of the configuration, else of the runtime.

use crate::error::{Code, Error, Result};
use crate::json;
use crate::plugin::Input;
use core_netlink::link::Link;
use core_netlink::tc::Tbf;
use ipnet::IpNet;
use serde::Deserialize;
use std::time::Duration;

const LATENCY: Duration = Duration::from_millis(25); // the reference's
const LONGEST_BURST: u64 = 274; // seconds: more does not fit the kernel's ticks
const HEADER: u64 = 14; // of Ethernet
const MOST_SUBNETS: usize = 256;

/// What is to be limited; a direction that is not said is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Limits {
    /// What the container receives.
    pub(super) ingress: Option<Limit>,
    /// What the container sends.
    pub(super) egress: Option<Limit>,
    pub(super) which: Which,
}

/// Which packets are limited, by the address of the other end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Which {
    #[default]
    All,
    /// Those of the subnets.
    In(Vec<IpNet>),
    /// All others.
    NotIn(Vec<IpNet>),
}

/// One direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    /// The key that says the burst.
    key: &'static str,
    /// Bytes per second.
    pub(super) rate: u64,
    /// Bytes.
    pub(super) burst: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Written {
    ingress_rate: Option<u64>,
    ingress_burst: Option<u64>,
    egress_rate: Option<u64>,
    egress_burst: Option<u64>,
    shaped_subnets: Option<Vec<Text>>,
    unshaped_subnets: Option<Vec<Text>>,
    /// The word that CONVENTIONS.md of the specification has for it.
    non_shaped_subnets: Option<Vec<Text>>,
}

#[derive(Debug, Deserialize)]
struct Text(#[serde(deserialize_with = "json::text")] IpNet);

impl Written {
    fn says_nothing(&self) -> bool {
        let rates = [
            self.ingress_rate,
            self.ingress_burst,
            self.egress_rate,
            self.egress_burst,
        ];
        let lists = [
            &self.shaped_subnets,
            &self.unshaped_subnets,
            &self.non_shaped_subnets,
        ];
        rates.iter().all(Option::is_none) && lists.iter().all(|list| list.is_none())
    }
}

impl Limits {
    /// If the configuration has any of the keys, those of the runtime do not count, as for the reference.
    pub(super) fn read(input: &Input<'_>) -> Result<Limits> {
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        struct Keys {
            runtime_config: Runtime,
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Runtime {
            bandwidth: Option<Written>,
        }
        let own: Written = input.conf.keys()?;
        let keys: Keys = input.conf.keys()?;
        match keys.runtime_config.bandwidth.filter(|_| own.says_nothing()) {
            Some(written) => written.check("runtimeConfig.bandwidth."),
            None => own.check(""),
        }
    }

    /// Whether a packet as large as the end of the pair takes could ever pass.
    pub(super) fn check(&self, end: &Link) -> Result<()> {
        let largest = u64::from(end.mtu.unwrap_or(0)) + HEADER;
        let small = |limit: &&Limit| u64::from(limit.burst) < largest;
        match self.ingress.iter().chain(&self.egress).find(small) {
            None => Ok(()),
            Some(limit) => {
                let why = format!(
                    "{} bytes are less than a packet of `{}` may have: those of {largest} would never pass",
                    limit.burst, end.name
                );
                let hint = format!("at least {} bits", largest * 8);
                Err(Error::invalid(limit.key, why).with_details(hint))
            }
        }
    }
}

impl Written {
    fn check(self, path: &str) -> Result<Limits> {
        let ingress = ["ingressRate", "ingressBurst"];
        let egress = ["egressRate", "egressBurst"];
        Ok(Limits {
            ingress: limit(path, ingress, self.ingress_rate, self.ingress_burst)?,
            egress: limit(path, egress, self.egress_rate, self.egress_burst)?,
            which: which(path, self)?,
        })
    }
}

/// Bits become bytes. A burst that is longer than the kernel can count is as long as it can: runtimes say "no limit" by a large one.
fn limit(
    path: &str,
    [rate_key, burst_key]: [&'static str; 2],
    rate: Option<u64>,
    burst: Option<u64>,
) -> Result<Option<Limit>> {
    let (rate, burst) = (rate.unwrap_or(0), burst.unwrap_or(0));
    let wrong = |key: &str, why: String| Err(Error::invalid(&format!("{path}{key}"), why));
    match (rate, burst) {
        (0, 0) => Ok(None),
        (0, _) => wrong(
            rate_key,
            format!("it is missing, and `{burst_key}` is {burst}"),
        ),
        (_, 0) => wrong(
            burst_key,
            format!("it is missing, and `{rate_key}` is {rate}"),
        ),
        (1..8, _) => wrong(
            rate_key,
            format!("{rate} bits per second are less than a byte"),
        ),
        _ if burst / 8 > u64::from(u32::MAX) => {
            wrong(burst_key, format!("{burst} bits are more than 4 GiB"))
        }
        _ => {
            let longest = (rate / 8).saturating_mul(LONGEST_BURST);
            let burst = u32::try_from((burst / 8).min(longest)).unwrap_or(u32::MAX);
            Ok(Some(Limit {
                key: burst_key,
                rate: rate / 8,
                burst,
            }))
        }
    }
}

fn which(path: &str, written: Written) -> Result<Which> {
    let shaped = ("shapedSubnets", written.shaped_subnets);
    let lists = [
        ("unshapedSubnets", written.unshaped_subnets),
        ("nonShapedSubnets", written.non_shaped_subnets),
    ];
    let said = |(key, list): (&'static str, Option<Vec<Text>>)| {
        let nets: Vec<IpNet> = list?.iter().map(|Text(net)| net.trunc()).collect();
        (!nets.is_empty()).then_some((key, nets))
    };
    let mut all: Vec<_> = [shaped].into_iter().chain(lists).filter_map(said).collect();
    if let Some((key, nets)) = all.iter().find(|(_, nets)| nets.len() > MOST_SUBNETS) {
        let why = format!("{} subnets are more than {MOST_SUBNETS}", nets.len());
        return Err(Error::invalid(&format!("{path}{key}"), why));
    }
    match (all.pop(), all.pop()) {
        (None, _) => Ok(Which::All),
        (Some(("shapedSubnets", nets)), None) => Ok(Which::In(nets)),
        (Some((_, nets)), None) => Ok(Which::NotIn(nets)),
        (Some((one, _)), Some((other, _))) => {
            let why = format!("`{path}{other}`, `{path}{one}`: they exclude each other");
            Err(Error::new(Code::InvalidConfig, why))
        }
    }
}

impl Limit {
    /// The bucket: nobody waits longer than 25 ms for what is not in the burst.
    pub(super) fn tbf(&self) -> Tbf {
        let tbf = Tbf {
            rate: self.rate,
            burst: self.burst,
            ..Tbf::default()
        };
        Tbf {
            limit: tbf.limit_of(LATENCY),
            ..tbf
        }
    }
}
