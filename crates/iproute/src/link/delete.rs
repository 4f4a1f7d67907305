//! `ip link delete`.

use super::words::group;
use crate::Done;
use crate::args::Args;
use crate::fault::Fault;
use crate::session::Session;

pub(super) fn delete(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    let (mut name, mut wanted) = (None, None);
    while let Some(word) = args.next()? {
        match word {
            "dev" | "name" => name = Some(args.value(word)?),
            "group" if name.is_none() => wanted = Some(group(s, args.value("group")?)?),
            "type" => drop(args.value("type")?),
            _ if name.is_some() => return Err(Fault::garbage(word)),
            word => name = Some(word),
        }
    }
    match (name, wanted) {
        (Some(name), _) => {
            let link = s.link(name)?;
            let deleted = s.conn()?.delete_link(&link);
            deleted.map_err(|err| Session::named(err, &link))
        }
        (None, Some(group)) => Ok(s.conn()?.delete_group(group)?),
        (None, None) => Err(no_device_given()),
    }
}

pub(super) fn no_device_given() -> Fault {
    let original = "Not enough information: \"dev\" argument is required.";
    Fault::missing(255, original, "no link is named", "its name must follow")
        .hint("`vetch link` lists the links of this namespace")
}
