//! `vetch cni install` and `uninstall`: what is put where runtimes look, and what is left alone.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use vetch_tests::lab;

const BIN: &str = "/run/bin";

#[test]
fn an_installed_plugin_answers_a_runtime() {
    lab(|lab| {
        let said = lab.vetch(&format!("cni install --dir {BIN}")).ok().stdout;
        assert!(said.contains(&format!(" {BIN}/bridge\n")), "{said}");
        let version = lab
            .argv(&[&format!("{BIN}/bridge")])
            .env("CNI_COMMAND", "VERSION")
            .stdin(r#"{"cniVersion": "1.0.0"}"#);
        assert!(version.go().ok().stdout.contains(r#""cniVersion":"1.0.0""#));
        let modes = fs::metadata(format!("{BIN}/bridge")).unwrap().mode() & 0o111;
        assert_eq!(modes, 0o111);
        lab.vetch(&format!("cni install --dir {BIN} --symlink"))
            .ok();
        assert!(
            fs::symlink_metadata(format!("{BIN}/portmap"))
                .unwrap()
                .is_symlink()
        );
        lab.vetch(&format!("cni uninstall --dir {BIN}")).ok();
        assert_eq!(fs::read_dir(BIN).unwrap().count(), 0);
    });
}

#[test]
fn files_of_others_stay_and_earlier_versions_are_replaced() {
    lab(|lab| {
        let path = Path::new(BIN).join("portmap");
        fs::create_dir_all(BIN).unwrap();
        fs::write(&path, "theirs").unwrap();
        let install = format!("cni install --dir {BIN}");
        let refused = lab.vetch(&install);
        assert!(
            refused.code == 2 && refused.stderr.contains("--force"),
            "{refused:?}"
        );
        assert_eq!(fs::read_dir(BIN).unwrap().count(), 1);
        lab.vetch(&format!("{install} --plugins bridge,firewall"))
            .ok();
        lab.vetch(&format!("cni uninstall --dir {BIN}")).ok();
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");

        lab.vetch(&format!("{install} --force --plugins portmap"))
            .ok();
        let size = fs::metadata(&path).unwrap().len();
        // Another build differs somewhere.
        lab.shell(&format!("echo more >>{}", path.display())).ok();
        lab.vetch(&format!("{install} --plugins portmap")).ok();
        assert_eq!(fs::metadata(&path).unwrap().len(), size);
        lab.vetch(&format!("cni uninstall --dir {BIN}")).ok();
        assert!(!path.exists());
    });
}
