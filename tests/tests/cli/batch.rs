//! Many attachments from the lines of a file.

use vetch_tests::{Lab, Output, lab};

const WEB: &str = "network create web --subnet 10.77.0.0/24 --subnet fd77::/64";

fn batch(lab: &Lab, more: &str, lines: &str) -> Output {
    let vetch = std::env::var("VETCH_BIN").unwrap();
    let words = format!("{vetch} attach --batch - {more}");
    let words: Vec<&str> = words.split_whitespace().collect();
    lab.argv(&words).stdin(lines.to_owned()).go()
}

fn clear(lab: &Lab) {
    lab.vetch("network rm --force --wait web two").ok();
}

#[test]
fn every_line_is_an_attach() {
    lab(|lab| {
        let outside = lab.outside("outside", "up0");
        let [a, b] = ["a", "b"].map(|name| lab.netns(name));
        lab.vetch(WEB).ok();
        let lines = "# comment\nweb a -p 8080:80\n\nweb b --ip 10.77.0.9 # why\nweb a -p 8081:80 --ifname eth1\n";
        let said = batch(lab, "", lines).ok();
        assert_eq!(said.stdout.lines().count(), 3, "{said}");
        let _served = a.tcp_server("0.0.0.0:80");
        outside.tcp("192.0.2.1:8080").unwrap();
        assert!(a.reaches("10.77.0.9") && b.reaches("fd77::2") && b.reaches("192.0.2.2"));
        lab.vetch("network check").ok().prints("");
        let again = batch(lab, "--json", lines).ok().json();
        assert_eq!(again.as_array().unwrap().len(), 3, "{again}");
        clear(lab);
    });
}

#[test]
fn one_that_fails_leaves_the_others_alone_or_takes_all_along() {
    lab(|lab| {
        for name in ["a", "b", "c"] {
            lab.netns(name);
        }
        lab.vetch(WEB).ok();
        lab.vetch("attach web c -p 8080:80").ok();
        lab.vetch("network create two --subnet 10.78.0.0/24").ok();
        let before = lab.state();
        let same = || {
            let changed = before.difference(&lab.state());
            let changed = changed.iter().filter(|line| !line.contains("/.last"));
            let changed: Vec<_> = changed.collect(); // which address was given last may stay
            assert!(changed.is_empty(), "{changed:?}");
        };
        let lines = "web a -p 9000:80\nweb b -p 8080:80\n";
        for lines in [
            lines,
            "two a -p 9000:80\nweb b -p 8080:80\n",
            "two b -p 8080:80\nweb a\n",
        ] {
            let said = batch(lab, "--atomic", lines).exits(2);
            said.complains("`cli:c` (eth0) of network `web` publishes 8080:80/tcp");
            same();
        }
        let said = batch(lab, "", lines)
            .exits(2)
            .complains("line 2: cannot attach cli:b");
        assert!(said.stdout.starts_with("web cli:a: eth0"), "{said}");
        clear(lab);
    });
}

#[test]
fn all_lines_are_read_before_the_first_is_done() {
    lab(|lab| {
        lab.netns("a");
        lab.vetch(WEB).ok();
        let before = lab.state();
        for (lines, why) in [
            (
                "web a\nweb\n",
                "line 2: the following required arguments were not provided: <NETNS>",
            ),
            (
                "web a\nweb nosuch\n",
                "line 2: cannot open network namespace `nosuch`",
            ),
            ("web a\nweb a -p 80\n", "line 2: invalid value '80'"),
            (
                "web a\nweb a --dry-run\n",
                "line 2: --dry-run cannot be part of a batch",
            ),
            (
                "web a --frobnicate\n",
                "line 1: unexpected argument '--frobnicate'",
            ),
        ] {
            batch(lab, "", lines).exits(2).complains(why);
        }
        batch(lab, "--atomic", "web a\nweb a\n")
            .exits(2)
            .complains("is asked for twice");
        batch(lab, "web a", "")
            .exits(2)
            .complains("cannot be used with");
        lab.vetch("attach web a --atomic").exits(2);
        lab.vetch("attach --batch /nosuch")
            .exits(2)
            .complains("cannot read /nosuch");
        let changed = before.difference(&lab.state());
        assert!(changed.is_empty(), "{changed:?}");
        assert_eq!(batch(lab, "", "").ok().stdout, "");
        clear(lab);
    });
}
