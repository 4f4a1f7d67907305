//! GC: what is spared, what goes, and when nothing is done.

use super::*;

fn add_with_ended(world: &World, list: &NetworkList) {
    symlink("/proc/self/ns/net", world.path("ends")).unwrap();
    for (name, netns) in [("web", "netns"), ("db", "ends")] {
        let netns = Some(world.path(netns));
        let attachment = Attachment {
            netns,
            ..Attachment::new(key(name))
        };
        world.run(|run| run.add(list, &attachment)).unwrap();
    }
    fs::remove_file(world.path("ends")).unwrap();
    world.log();
}

#[test]
fn gc_takes_away_what_has_no_namespace_and_tells_what_has_one() {
    let world = World::new();
    let list = list("1.1.0");
    add_with_ended(&world, &list);
    world.run(|run| run.gc(&list, None)).unwrap();
    assert_eq!(world.log(), "DEL c, DEL b, DEL a, GC a, GC b, GC c");
    let valid = r#"[{"containerID":"web","ifname":"eth0"}]"#;
    assert_eq!(
        world.input("c", "GC")["cni.dev/valid-attachments"].to_string(),
        valid
    );
    assert!(world.input("c", "GC").get("runtimeConfig").is_none());
    assert!(world.kept("web").exists() && !world.kept("db").exists());
}

#[test]
fn gc_spares_what_is_said_to_be_valid_and_tries_everything() {
    let world = World::new();
    let list = list("1.1.0");
    add_with_ended(&world, &list);
    world.fail("b", "DEL", 42);
    world.fail("a", "GC", 43);
    let error = world
        .run(|run| run.gc(&list, Some(&[key("db")])))
        .unwrap_err();
    assert_eq!(world.log(), "DEL c, DEL b, DEL a, GC a, GC b, GC c");
    assert_eq!(
        (error.code, error.msg.as_str()),
        (Code::Other(42), "DEL of web/eth0: b says no")
    );
    assert!(
        error.details.ends_with("and then: plugin `a`: a says no"),
        "{}",
        error.details
    );
    assert!(world.kept("web").exists() && world.kept("db").exists());
}

#[test]
fn gc_of_an_older_list_deletes_only_and_of_another_does_nothing() {
    let world = World::new();
    let old = list("1.0.0");
    add_with_ended(&world, &old);
    let off = list_of("1.1.0", r#", "disableGC": true"#, ABC);
    world.run(|run| run.gc(&off, None)).unwrap();
    assert_eq!(world.log(), "");
    world.run(|run| run.gc(&old, None)).unwrap();
    assert_eq!(world.log(), "DEL c, DEL b, DEL a");
}

#[test]
fn gc_does_nothing_where_it_cannot_know_what_is_valid() {
    let world = World::new();
    let list = list("1.1.0");
    let error = world.run(|run| run.gc(&list, None)).unwrap_err();
    assert!(error.msg.contains("there is no "), "{error}");
    add_with_ended(&world, &list);
    fs::write(world.kept("old"), "{").unwrap();
    let error = world.run(|run| run.gc(&list, None)).unwrap_err();
    assert!(error.msg.contains("results/blue-old-eth0"), "{error}");
    assert_eq!(world.log(), "");
    world.run(|run| run.gc(&list, Some(&[key("web")]))).unwrap();
    assert_eq!(world.log(), "DEL c, DEL b, DEL a, GC a, GC b, GC c");
}

/// Changes what is kept of a container.
fn edit(world: &World, container: &str, change: impl FnOnce(&mut Value)) {
    let text = fs::read(world.kept(container)).unwrap();
    let mut kept = serde_json::from_slice(&text).unwrap();
    change(&mut kept);
    fs::write(world.kept(container), kept.to_string()).unwrap();
}

#[test]
fn gc_finds_the_namespace_in_the_result_where_libcni_wrote_it_nowhere_else() {
    let world = World::new();
    let list = list("1.0.0");
    add_with_ended(&world, &list);
    for (name, netns) in [("web", "netns"), ("db", "ends")] {
        edit(&world, name, |kept| {
            let file = kept.as_object_mut().unwrap();
            assert!(file.remove("netns").is_some() && file.remove("vetch").is_some());
            let on_host = serde_json::json!({"name": "cni0"});
            let inside = serde_json::json!({"name": "eth0", "sandbox": world.path(netns)});
            kept["result"]["interfaces"] = [on_host, inside].into();
        });
    }
    world.run(|run| run.gc(&list, None)).unwrap();
    assert_eq!(world.log(), "DEL c, DEL b, DEL a");
    assert!(world.kept("web").exists() && !world.kept("db").exists());
}

#[test]
fn a_namespace_that_came_to_the_path_of_another_is_not_given_to_del() {
    let world = World::new();
    let list = list("1.0.0");
    let told = || fs::read_to_string(world.path("netns.of.last")).unwrap();
    let add = || world.run(|run| run.add(&list, &world.web())).unwrap();
    let del = || world.run(|run| run.del(&list, &Attachment::new(key("web"))));
    // As if /proc/PID/ns/net were that of another process by now.
    let replace = || edit(&world, "web", |kept| kept["vetch"]["cookie"] = 1.into());
    add();
    del().unwrap();
    assert_eq!(told().trim(), world.path("netns").to_str().unwrap());
    add();
    replace();
    del().unwrap();
    assert_eq!(told().trim(), "");
    add();
    replace();
    world.run(|run| run.gc(&list, None)).unwrap();
    assert_eq!(told().trim(), "");
    assert!(!world.kept("web").exists());
}
