//! The keys of `bridge` for VLANs: numbers, and lists of ranges.

use crate::error::{Error, Result};
use bridge::PortVlans;
use core_netlink::VlanId;
use serde::Deserialize;

/// One of `vlanTrunk`: a VLAN, or the first and the last of a range.
#[derive(Debug, Deserialize)]
pub(super) struct Trunk {
    id: Option<i64>,
    #[serde(rename = "minID")]
    min: Option<i64>,
    #[serde(rename = "maxID")]
    max: Option<i64>,
}

/// What the keys mean for a port; nothing without a VLAN.
///
/// The VLAN that the bridge gives every port stays where it is the one for untagged frames; with `vlan` another takes its place, and it
/// goes, unless `preserveDefaultVlan` says otherwise.
pub(super) fn of_port(
    vlan: i64,
    trunk: &[Trunk],
    preserve: Option<bool>,
) -> Result<Option<PortVlans>> {
    let own = match vlan {
        0 => None,
        number => Some(id("vlan", number, "0 (none) to 4094")?),
    };
    let ranges = trunk.iter().enumerate();
    let ranges: Vec<(VlanId, VlanId)> = ranges.map(range).collect::<Result<_>>()?;
    if own.is_none() && ranges.is_empty() {
        return Ok(None);
    }
    let keep = preserve.unwrap_or(own.is_none());
    Ok(Some(PortVlans::new(own, ranges).keeping_default(keep)))
}

fn range((at, trunk): (usize, &Trunk)) -> Result<(VlanId, VlanId)> {
    let number = |key: &str, number| id(&format!("vlanTrunk[{at}].{key}"), number, "1 to 4094");
    let bad = |why: String| Err(Error::invalid(&format!("vlanTrunk[{at}]"), why));
    match (trunk.id, trunk.min, trunk.max) {
        (Some(id), None, None) => number("id", id).map(|id| (id, id)),
        (None, Some(min), Some(max)) => match (number("minID", min)?, number("maxID", max)?) {
            (min, max) if min <= max => Ok((min, max)),
            (min, max) => bad(format!("`minID` {min} is above `maxID` {max}")),
        },
        (Some(_), ..) => bad("either `id`, or `minID` and `maxID`".to_owned()),
        (None, None, None) => bad("neither `id` nor `minID` and `maxID`".to_owned()),
        (None, None, Some(_)) => bad("`maxID` without `minID`".to_owned()),
        (None, Some(_), None) => bad("`minID` without `maxID`".to_owned()),
    }
}

fn id(key: &str, number: i64, right: &str) -> Result<VlanId> {
    let id = u16::try_from(number).ok();
    let id = id.and_then(|number| VlanId::try_from(number).ok());
    id.ok_or_else(|| Error::invalid(key, format!("{number} is not {right}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;

    fn read(text: &str) -> Result<Option<PortVlans>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        #[derive(Default)]
        struct Keys {
            vlan: i64,
            vlan_trunk: Vec<Trunk>,
            preserve_default_vlan: Option<bool>,
        }
        let keys: Keys = Document::parse(text.as_bytes()).unwrap().keys()?;
        of_port(keys.vlan, &keys.vlan_trunk, keys.preserve_default_vlan)
    }

    #[track_caller]
    fn check(text: &str, means: &str) {
        let port = read(text).unwrap();
        assert_eq!(port.map(|port| port.to_string()).unwrap_or_default(), means);
    }

    #[test]
    fn keys_mean_what_is_documented() {
        check("{}", "");
        check(
            r#"{"vlan": 0, "vlanTrunk": [], "preserveDefaultVlan": true}"#,
            "",
        );
        check(r#"{"vlan": 4094}"#, "4094 untagged");
        check(
            r#"{"vlan": 7, "preserveDefaultVlan": true}"#,
            "7 untagged, the bridge's own",
        );
        let trunk = r#"{"vlanTrunk": [{"id": 7}, {"minId": 100, "MAXID": 102}]}"#;
        check(trunk, "7 tagged, 100-102 tagged, the bridge's own");
        let both = r#"{"vlan": 7, "vlanTrunk": [{"minID": 6, "maxID": 9}]}"#;
        check(both, "7 untagged, 6 tagged, 8-9 tagged");
        check(
            r#"{"vlanTrunk": [{"id": 9}], "preserveDefaultVlan": false}"#,
            "9 tagged",
        );
    }

    #[test]
    fn what_cannot_be_is_refused_by_its_path() {
        let rows = [
            (r#"{"vlan": -1}"#, "`vlan`: -1 is not 0 (none) to 4094"),
            (r#"{"vlan": 4095}"#, "`vlan`: 4095"),
            (r#"{"vlan": 65637}"#, "`vlan`: 65637"),
            (
                r#"{"vlanTrunk": [{"id": 1}, {"id": 0}]}"#,
                "`vlanTrunk[1].id`: 0 is not 1 to 4094",
            ),
            (
                r#"{"vlanTrunk": [{"minID": 0, "maxID": 5}]}"#,
                "`vlanTrunk[0].minID`: 0",
            ),
            (
                r#"{"vlanTrunk": [{"minID": 5, "maxID": 4095}]}"#,
                "`vlanTrunk[0].maxID`: 4095",
            ),
            (
                r#"{"vlanTrunk": [{"minID": 5, "maxID": 4}]}"#,
                "`vlanTrunk[0]`: `minID` 5 is above `maxID` 4",
            ),
            (
                r#"{"vlanTrunk": [{"id": 5, "maxID": 7}]}"#,
                "`vlanTrunk[0]`: either",
            ),
            (r#"{"vlanTrunk": [{}]}"#, "`vlanTrunk[0]`: neither"),
            (r#"{"vlanTrunk": [{"minID": 5}]}"#, "without `maxID`"),
            (r#"{"vlanTrunk": [{"maxID": 5}]}"#, "without `minID`"),
            (r#"{"vlanTrunk": [{"id": "5"}]}"#, "vlanTrunk[0].id"),
        ];
        for (text, why) in rows {
            let err = read(text).unwrap_err();
            assert!(err.msg.contains(why), "{text}: {}", err.msg);
        }
    }
}
