//! Opening with care, and listing without exception.

use super::{await_true, inode_of, lasting, leave_no_directory, name, open};
use nix::sys::stat::Mode;
use ns_mgmt::{Holder, Kind, Namespace, NetNs};
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};
use vetch_tests::lab;

#[test]
fn what_is_no_namespace_is_refused_and_a_fifo_does_not_hang() {
    lab(|_| {
        nix::unistd::mkfifo("/run/fifo", Mode::S_IRWXU).unwrap();
        fs::write("/run/file", "text").unwrap();
        let start = Instant::now();
        for foreign in [
            "/run/fifo",
            "/run/file",
            "/run",
            "/dev/null",
            "/proc/self/status",
        ] {
            let err = open(foreign).unwrap_err();
            assert!(err.is_invalid() && err.hint().is_some(), "{err:?}");
        }
        assert!(start.elapsed() < Duration::from_secs(1));
        assert!(open("/proc/self/ns/uts").unwrap_err().is_invalid());
        assert!(open("/run/nothing").unwrap_err().is_not_found());
        assert!(open("nothing").unwrap_err().is_not_found());
        assert!(open("pid:2147483647").unwrap_err().is_not_found());
        let file = File::open("/run/file").unwrap();
        assert!(
            Namespace::from_fd(Kind::Net, file.into())
                .unwrap_err()
                .is_invalid()
        );
        fs::remove_file("/run/fifo").unwrap();
        fs::remove_file("/run/file").unwrap();
    });
}

#[test]
fn a_namespace_is_the_same_by_name_path_process_and_descriptor() {
    lab(|lab| {
        let blue = lab.netns("blue");
        let sleeper = blue.argv(&["sleep", "60"]).background();
        let by_name = open("blue").unwrap();
        let by_path = open(blue.path()).unwrap();
        let by_pid = open(&format!("pid:{}", sleeper.pid())).unwrap();
        let by_fd = Namespace::from_fd(Kind::Net, blue.net().try_clone().unwrap()).unwrap();
        assert!(by_name == by_path && by_name == by_pid && *by_name.as_namespace() == by_fd);
        assert_eq!(by_name.cookie().unwrap(), by_pid.cookie().unwrap());
        assert_ne!(
            by_name.cookie().unwrap(),
            NetNs::current().unwrap().cookie().unwrap()
        );
        assert!(!by_name.is_current().unwrap());
        assert_eq!(by_pid.names().unwrap(), [name("blue")]);
        assert_eq!(
            ns_mgmt::pids(by_name.as_namespace()).unwrap(),
            [sleeper.pid()]
        );
    });
}

#[test]
fn a_process_that_has_ended_is_not_found() {
    lab(|lab| {
        let gone = lab.argv(&["true"]).background();
        let end = Instant::now() + Duration::from_secs(5);
        // Not reaped yet: the number is taken, the process is no more.
        while let Ok(found) = open(&format!("pid:{}", gone.pid())) {
            assert!(Instant::now() < end, "{found} is still open");
            thread::sleep(Duration::from_millis(5));
        }
        assert!(
            open(&format!("pid:{}", gone.pid()))
                .unwrap_err()
                .is_not_found()
        );
    });
}

#[test]
#[allow(
    clippy::too_many_lines,
    reason = "one story: what is held, then what is listed"
)]
fn every_namespace_is_listed_with_what_holds_it() {
    lab(|lab| {
        let open = NetNs::create().unwrap();
        let mounted = NetNs::create_named(&name("blue")).unwrap();
        let mounted = {
            let named = mounted;
            named.inode() // and the descriptor is closed
        };
        let alone = lab
            .argv(&[
                "unshare", "--net", "--ipc", "--pid", "--fork", "sleep", "60",
            ])
            .background();
        await_true(|| {
            inode_of(&format!("/proc/{}/ns/net", alone.pid()))
                != inode_of("/proc/thread-self/ns/net")
        });
        let alone_net = inode_of(&format!("/proc/{}/ns/net", alone.pid()));
        let alone_pid = || inode_of(&format!("/proc/{}/ns/pid_for_children", alone.pid()));
        let ours = fs::read_link("/proc/thread-self/ns/pid").unwrap();
        // There is nothing to read between the making of the namespace and its first process.
        await_true(|| {
            let link = fs::read_link(format!("/proc/{}/ns/pid_for_children", alone.pid()));
            link.is_ok_and(|link| link != ours)
        });
        let all = ns_mgmt::list(&Kind::ALL).unwrap().found;
        let find = |kind, inode| {
            all.iter()
                .find(|found| found.kind == kind && found.inode == inode)
                .unwrap()
        };
        let held = lasting(find(Kind::Net, open.inode()).holders.clone());
        assert!(matches!(held[..], [Holder::Descriptor { .. }]), "{held:?}");
        assert_eq!(find(Kind::Net, mounted).names, [name("blue")]);
        assert!(matches!(
            lasting(find(Kind::Net, mounted).holders.clone())[..],
            [Holder::Mount { .. }]
        ));
        assert!(
            find(Kind::Net, alone_net)
                .pids()
                .any(|pid| pid == alone.pid())
        );
        assert!(
            find(
                Kind::Ipc,
                inode_of(&format!("/proc/{}/ns/ipc", alone.pid()))
            )
            .pids()
            .count()
                >= 1
        );
        assert_eq!(
            find(Kind::Pid, alone_pid()).parent,
            Some(inode_of("/proc/thread-self/ns/pid"))
        );
        assert_eq!(
            find(Kind::Net, alone_net).owner.is_some(),
            find(Kind::Net, mounted).owner.is_some()
        );
        let nets = ns_mgmt::list(&[Kind::Net]).unwrap().found;
        assert!(nets.iter().all(|found| found.kind == Kind::Net));
        drop(alone);
        NetNs::delete(&name("blue")).unwrap();
        leave_no_directory();
    });
}

#[test]
fn a_descriptor_opened_through_a_name_is_found() {
    lab(|_| {
        let blue = NetNs::create_named(&name("blue")).unwrap();
        let inode = blue.inode();
        let through = File::open("/run/netns/blue").unwrap();
        drop(blue);
        let nets = ns_mgmt::list(&[Kind::Net]).unwrap().found;
        let found = nets.iter().find(|found| found.inode == inode).unwrap();
        let fd = std::os::fd::AsRawFd::as_raw_fd(&through.as_fd()).unsigned_abs();
        assert!(
            found.holders.iter().any(
                |holder| matches!(holder, Holder::Descriptor { fd: found, .. } if *found == fd)
            )
        );
        drop(through);
        NetNs::delete(&name("blue")).unwrap();
        leave_no_directory();
    });
}
