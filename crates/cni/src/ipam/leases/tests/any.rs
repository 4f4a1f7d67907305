//! Random steps against a map from address to holder.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Step {
    Add(u8),
    Wish(u8, u8),
    Del(u8),
    /// The reference adds.
    Foreign(u8, u8),
    LoseLink(u8),
    Reboot,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..6_u8).prop_map(Step::Add),
        2 => (0..6_u8, 2..8_u8).prop_map(|(who, at)| Step::Wish(who, at)),
        3 => (0..6_u8).prop_map(Step::Del),
        1 => (0..6_u8, 2..8_u8).prop_map(|(who, at)| Step::Foreign(who, at)),
        1 => (0..6_u8).prop_map(Step::LoseLink),
        1 => Just(Step::Reboot),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_happens_an_address_has_one_holder(steps in steps()) {
        let (disk, set) = (Disk::new(), set("10.1.0.0/29"));
        let (mut model, mut boot) = (BTreeMap::<IpAddr, u8>::new(), 0);
        let of = |model: &BTreeMap<IpAddr, u8>, who: u8| model.iter().find(|(_, of)| **of == who).map(|(at, _)| *at);
        for step in steps {
            let id = format!("{boot:012x}");
            let leases = disk.boot(&id, || None);
            match step {
                Step::Add(who) => {
                    let given = leases.reserve(0, &set, None, &key(&who.to_string()));
                    match (of(&model, who), given) {
                        (Some(held), given) => prop_assert_eq!(given.unwrap().address.addr(), held),
                        (None, Ok(given)) => prop_assert_eq!(model.insert(given.address.addr(), who), None),
                        (None, Err(_)) => prop_assert_eq!(model.len(), 5),
                    }
                }
                Step::Wish(who, at) => {
                    let at = ip(&format!("10.1.0.{at}"));
                    let given = leases.reserve(0, &set, Some(at), &key(&who.to_string()));
                    let may = set.contains(at) && match of(&model, who) {
                        Some(held) => held == at,
                        None => !model.contains_key(&at),
                    };
                    prop_assert_eq!(given.is_ok(), may);
                    may.then(|| model.insert(at, who));
                }
                Step::Del(who) => {
                    let freed = leases.release(&key(&who.to_string())).unwrap();
                    let held: Vec<IpAddr> = of(&model, who).into_iter().collect();
                    prop_assert_eq!(freed, held);
                    model.retain(|_, of| *of != who);
                }
                Step::Foreign(who, at) => {
                    let at = ip(&format!("10.1.0.{at}"));
                    if set.contains(at) && !model.contains_key(&at) && of(&model, who).is_none() {
                        disk.write(&at.to_string(), &key(&who.to_string()).text());
                        disk.write("last_reserved_ip.0", &at.to_string());
                        model.insert(at, who);
                    }
                }
                Step::LoseLink(who) => {
                    let name = Mark::new(&id, &key(&who.to_string()), 0).to_string();
                    if fs::remove_file(disk.path(&name)).is_ok() {
                        disk.write("last_reserved_ip.0", "");
                    }
                }
                Step::Reboot => {
                    drop(leases);
                    boot += 1;
                    drop(disk.boot(&format!("{boot:012x}"), later));
                    model.clear();
                }
            }
            let names: Vec<String> = model.keys().map(ToString::to_string).collect();
            prop_assert_eq!(disk.addresses(), names);
        }
    }
}
