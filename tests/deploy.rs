//! What `deploy/` says of files, ports, settings and commands is true, without running containers.

use std::collections::BTreeMap;

use serde_yaml_ng::Value;
use sluice_tests::programs::{modules, repository, said, sluice};
use tokio::process::Command;

fn read(path: &str) -> String {
    let file = repository().join(path);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn compose() -> Value {
    serde_yaml_ng::from_str(&read("deploy/compose.yaml")).expect("compose.yaml is YAML")
}

fn texts(list: &Value) -> Vec<String> {
    let items = list.as_sequence().map(Vec::as_slice).unwrap_or_default();
    items
        .iter()
        .map(|item| item.as_str().expect("a text").to_owned())
        .collect()
}

fn services() -> BTreeMap<String, Value> {
    let compose = compose();
    let services = compose["services"].as_mapping().expect("services");
    let service = |(name, service): (&Value, &Value)| {
        (name.as_str().expect("a name").to_owned(), service.clone())
    };
    services.iter().map(service).collect()
}

/// The lines of the container file, those that go on joined.
fn steps() -> Vec<String> {
    let text = read("deploy/Containerfile").replace("\\\n", " ");
    let steps = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    steps
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

#[test]
fn the_container_file_copies_what_the_build_makes() {
    let steps = steps();
    let copied: Vec<Vec<&str>> = steps
        .iter()
        .filter(|step| step.starts_with("COPY --from=build"))
        .map(|step| {
            step.split(' ')
                .filter(|word| word.starts_with('/'))
                .collect()
        })
        .collect();
    assert_eq!(copied.len(), 5);
    for words in copied {
        let [from, _to] = words[..] else {
            panic!("{words:?}")
        };
        let made = match from.strip_prefix("/src/target/") {
            Some("release/sluice") => true,
            Some(module) => {
                let name = module.strip_prefix("wasm32-unknown-unknown/policy/sluice_policy_");
                let policy = name.and_then(|name| name.strip_suffix(".wasm"));
                policy.is_some_and(|policy| repository().join("policies").join(policy).is_dir())
            }
            None => steps
                .iter()
                .any(|step| step.starts_with("RUN") && step.contains(from)),
        };
        assert!(made, "{from}");
    }
    let recipes = read("Makefile");
    assert!(recipes.contains("\npolicies:") && steps.iter().any(|s| s.contains("make policies")));
}

#[test]
fn the_container_file_builds_with_the_rust_that_the_workspace_asks_for() {
    let manifest: toml::Table = read("Cargo.toml").parse().expect("TOML");
    let version = manifest["workspace"]["package"]["rust-version"]
        .as_str()
        .expect("a version");
    assert!(read("deploy/Containerfile").contains(&format!("rust:{version}-")));
}

#[test]
fn every_file_that_compose_mounts_is_there() {
    for (name, service) in services() {
        for volume in texts(&service["volumes"]) {
            let from = volume.split(':').next().expect("a source");
            if from.starts_with('.') {
                assert!(
                    repository().join("deploy").join(from).exists(),
                    "{name}: {from}"
                );
            } else {
                assert!(compose()["volumes"].get(from).is_some(), "{name}: {from}");
            }
        }
    }
}

#[test]
fn ports_that_compose_publishes_are_those_that_are_listened_on() {
    let settings: toml::Table = read("deploy/sluice.toml").parse().expect("TOML");
    let listened = [
        &settings["listen"]["address"],
        &settings["console"]["address"],
    ]
    .map(|address| {
        address
            .as_str()
            .expect("an address")
            .rsplit(':')
            .next()
            .expect("a port")
    });
    let services = services();
    let published = texts(&services["provider"]["ports"]);
    let inside: Vec<&str> = published
        .iter()
        .map(|port| port.rsplit(':').next().expect("a port"))
        .collect();
    assert_eq!(inside, listened);
    let exposed = steps()
        .into_iter()
        .find(|step| step.starts_with("EXPOSE"))
        .expect("EXPOSE");
    assert_eq!(exposed, format!("EXPOSE {}", listened.join(" ")));
    let command = texts(&services["provider"]["command"]);
    let issuer = settings["identity"]["issuer"].as_str().expect("an issuer");
    let address = issuer
        .strip_prefix("http://")
        .expect("no TLS between two of one network");
    assert!(command.iter().any(|word| word == address), "{command:?}");
    assert!(
        services.contains_key(
            settings["databases"]["shop"]["host"]
                .as_str()
                .expect("a host")
        )
    );
}

#[test]
fn commands_are_commands_of_the_program() {
    use clap::Parser as _;
    let services = services();
    let entry = steps()
        .into_iter()
        .find_map(|step| Some(step.strip_prefix("CMD ")?.to_owned()));
    let entry: Vec<String> = serde_json::from_str(&entry.expect("CMD")).expect("a list");
    let commands = [
        entry,
        texts(&services["sluice"]["command"]),
        texts(&services["provider"]["command"]),
    ];
    for command in commands {
        let words = std::iter::once("sluice".to_owned()).chain(command.clone());
        sluice::cli::Cli::try_parse_from(words)
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    }
    let comment = read("deploy/compose.yaml");
    let token = comment
        .lines()
        .find_map(|line| line.split_once("$(")?.1.split_once(')'))
        .unwrap()
        .0;
    sluice::cli::Cli::try_parse_from(token.split(' ')).unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test]
async fn the_settings_are_good() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    std::fs::create_dir(folder.path().join("policies")).expect("a folder");
    for policy in ["mask", "guard"] {
        let module = modules().join(format!("sluice_policy_{policy}.wasm"));
        let to = folder.path().join(format!("policies/{policy}.wasm"));
        std::fs::copy(module, to).expect("make policies built it");
    }
    let file = folder.path().join("sluice.toml");
    std::fs::write(&file, read("deploy/sluice.toml")).expect("a file");
    let mut check = Command::new(sluice());
    check
        .arg("check")
        .arg(&file)
        .env("UPSTREAM_PASSWORD", "any");
    let _ = said(check).await.expect("the settings are good");
}
