//! `conditionsV4` and `conditionsV6`: matches of iptables or of nft, as the connections that they are about.

use crate::error::{Error, Result};
use bridge::{AddressRange, Region};
use ipnet::IpNet;

const RIGHT: &str =
    "right is [!] -d PREFIX or [!] -s PREFIX, or in nft's words ip daddr [!=] PREFIX";

/// The connections for which all conditions hold. None where there is no condition.
///
/// Code 7: something else than destination and source is asked about, one of them twice, or what is asked for never comes.
pub(super) fn regions(key: &str, written: &[String], ipv4: bool) -> Result<Vec<Region>> {
    let words: Vec<&str> = written
        .iter()
        .flat_map(|item| item.split_whitespace())
        .collect();
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = Found::default();
    let mut rest = words.as_slice();
    while !rest.is_empty() {
        rest = found
            .take(rest, ipv4)
            .map_err(|why| Error::invalid(key, &why))?;
    }
    let every = || vec![AddressRange::every(ipv4)];
    let (to, from) = (
        found.to.unwrap_or_else(every),
        found.from.unwrap_or_else(every),
    );
    let pairs = |to: &AddressRange| {
        let to = *to;
        from.iter()
            .map(move |from| Region { to, from: *from })
            .collect::<Vec<_>>()
    };
    let all: Vec<Region> = to.iter().flat_map(pairs).collect();
    match all.is_empty() {
        true => Err(Error::invalid(key, "no connection can be like that")),
        false => Ok(all),
    }
}

#[derive(Default)]
struct Found {
    to: Option<Vec<AddressRange>>,
    from: Option<Vec<AddressRange>>,
}

impl Found {
    /// One condition from the front; what is left behind it.
    fn take<'a>(&mut self, words: &'a [&'a str], ipv4: bool) -> Result<&'a [&'a str], String> {
        let (not, words) = negation(words);
        let bad = |word: &str| format!("{word:?} is not understood: {RIGHT}");
        let (field, words) = match words {
            ["-d" | "--dst" | "--destination", rest @ ..] => (&mut self.to, rest),
            ["-s" | "--src" | "--source", rest @ ..] => (&mut self.from, rest),
            ["ip" | "ip6", "daddr", rest @ ..] => (&mut self.to, rest),
            ["ip" | "ip6", "saddr", rest @ ..] => (&mut self.from, rest),
            [word, ..] => return Err(bad(word)),
            [] => return Err(bad("!")),
        };
        let (twice, words) = negation(words);
        let [prefixes, rest @ ..] = words else {
            return Err(format!("it ends where a prefix should be: {RIGHT}"));
        };
        if field
            .replace(ranges(prefixes, not || twice, ipv4)?)
            .is_some()
        {
            return Err("destination or source are asked about twice".to_owned());
        }
        Ok(rest)
    }
}

fn negation<'a>(words: &'a [&'a str]) -> (bool, &'a [&'a str]) {
    match words {
        ["!" | "!=", rest @ ..] => (true, rest),
        ["==", rest @ ..] => (false, rest),
        words => (false, words),
    }
}

/// `PREFIX[,PREFIX...]`; all others where that is negated, which as in iptables is for one only.
fn ranges(text: &str, not: bool, ipv4: bool) -> Result<Vec<AddressRange>, String> {
    let prefixes: Vec<IpNet> = text
        .split(',')
        .map(|word| prefix(word, ipv4))
        .collect::<Result<_, _>>()?;
    match (not, prefixes.as_slice()) {
        (false, all) => Ok(all.iter().map(|prefix| AddressRange::of(*prefix)).collect()),
        (true, [one]) => Ok(AddressRange::of(*one).others()),
        (true, _) => Err(format!("`!` is for one prefix, not for {text:?}")),
    }
}

fn prefix(word: &str, ipv4: bool) -> Result<IpNet, String> {
    let alone = || word.parse().map(|ip: std::net::IpAddr| IpNet::from(ip));
    let prefix: Option<IpNet> = word.parse().or_else(|_| alone()).ok();
    let family = if ipv4 { "IPv4" } else { "IPv6" };
    prefix
        .filter(|prefix| prefix.addr().is_ipv4() == ipv4)
        .ok_or_else(|| format!("{word:?} is no {family} prefix: {RIGHT}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(words: &[&str], ipv4: bool) -> Result<Vec<String>> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let all = regions("conditionsV4", &words, ipv4)?;
        Ok(all.iter().map(Region::to_string).collect())
    }

    #[test]
    fn the_words_of_iptables_and_nft_mean_the_same() {
        assert!(read(&[], true).unwrap().is_empty());
        let not = read(&["!", "-d", "192.0.2.0/24"], true).unwrap();
        let every = "0.0.0.0-255.255.255.255";
        let said = [
            format!("0.0.0.0-192.0.1.255 from {every}"),
            format!("192.0.3.0-255.255.255.255 from {every}"),
        ];
        assert_eq!(not, said);
        assert_eq!(not, read(&["ip daddr != 192.0.2.0/24"], true).unwrap());
        let both = read(&["-s", "10.0.0.0/8", "-d", "192.0.2.1,192.0.2.9"], true).unwrap();
        let from = "10.0.0.0-10.255.255.255";
        let said =
            ["192.0.2.1-192.0.2.1", "192.0.2.9-192.0.2.9"].map(|to| format!("{to} from {from}"));
        assert_eq!(both, said);
        assert_eq!(read(&["-d", "fc00::/7"], false).unwrap().len(), 1);
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        for (words, why) in [
            (&["-i", "eth0"][..], "\"-i\" is not understood"),
            (&["!"], "not understood"),
            (&["-d"], "ends where a prefix"),
            (&["-d", "banana"], "no IPv4 prefix"),
            (&["-d", "fc00::/7"], "no IPv4 prefix"),
            (&["!", "-d", "10.0.0.0/8,11.0.0.0/8"], "for one prefix"),
            (&["-d", "10.0.0.0/8", "-d", "10.0.0.0/8"], "twice"),
            (&["!", "-d", "0.0.0.0/0"], "no connection"),
        ] {
            let err = read(words, true).unwrap_err();
            assert!(
                err.msg.contains("conditionsV4") && err.msg.contains(why),
                "{}",
                err.msg
            );
        }
    }

    proptest! {
        #[test]
        fn no_words_make_it_panic(words in prop::collection::vec("-d|-s|!|!=|ip|daddr|[0-9a-f.:/,]{0,20}|.*", 0..8)) {
            let _ = regions("conditionsV4", &words, true);
            let _ = regions("conditionsV6", &words, false);
        }
    }
}
