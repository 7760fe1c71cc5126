use super::*;

fn from_text(text: &str) -> (Config, String) {
    let mut reader = Reader::new();
    reader.file(text, "test.toml");
    let config = Config::deserialize(reader.settings).expect("tried");
    config.check(&mut reader.found);
    (config, reader.found.to_string())
}

fn from_environment(pairs: &[(&str, &str)]) -> Result<Config, Mistakes> {
    let environment = pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    Config::load(&Sources { environment, ..Sources::default() })
}

#[test]
fn nothing_set_is_the_default() {
    assert_eq!(table(&Config::load(&Sources::default()).expect("valid")), defaults());
}

#[test]
fn the_example_file_is_the_default() {
    let (config, _) = from_text(&super::super::example());
    assert_eq!(table(&config), defaults());
}

#[test]
fn every_mistake_is_reported_at_once_with_key_value_and_fix() {
    let (_, report) = from_text(
        "[server]\nlisten = \"nowhere\"\nbody_timeout = \"soon\"\nlissen = 1\n\
         [limits]\nintake_per_minute = 0\nslots_per_minute = \"many\"\n[sever]\nx = 1\n",
    );
    for part in [
        "server.listen = \"nowhere\" (test.toml)",
        "the default is \"127.0.0.1:8080\"",
        "server.body_timeout = \"soon\"",
        "server.lissen (test.toml): is not a known key; did you mean server.listen?",
        "limits.intake_per_minute = 0 (test.toml)",
        "limits.slots_per_minute = \"many\"",
        "sever (test.toml): is not a known key; did you mean server?",
        "6 mistakes",
    ] {
        assert!(report.contains(part), "{part}\n{report}");
    }
}

#[test]
fn a_wrong_entry_of_a_list_is_named() {
    let (_, report) = from_text(
        "[[scheduler.technicians]]\nid = \"a\"\nzones = \"UTC\"\n[[scheduler.technicians]]\nid = \"b\"\n\
         [webhooks]\nschedule = [\"5s\", \"soon\"]\n",
    );
    assert!(
        report.contains(
            "scheduler.technicians[0].zones (test.toml): is not a known key; did you mean scheduler.technicians.zone?"
        ),
        "{report}"
    );
    assert!(report.contains("scheduler.technicians[1] (test.toml): missing field"), "{report}");
    assert!(report.contains("webhooks.schedule[1] = \"soon\""), "{report}");
}

#[test]
fn a_secret_is_never_quoted() {
    let hash = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";
    for text in [
        format!("[auth]\nadmin_token_sha256 = \"{}\"", &hash[1..]),
        format!("[auth]\nkeys = [{{ tenant = \"ACME\", sha256 = \"{hash}\" }}]"),
        format!("[auth]\nkeys = \"{hash}\""),
        format!("[conexxus]\napi_key = [\"{hash}\"]"),
        format!("[conexxus]\napi_key = \"{hash}"),
    ] {
        let (_, report) = from_text(&text);
        assert!(report.contains("mistake") && !report.contains(&hash[1..]), "{report}");
    }
    let (config, _) = from_text(&format!("[conexxus]\napi_key = \"{hash}\""));
    assert!(!format!("{config:?}").contains(hash));
}

#[test]
fn the_environment_goes_over_the_file_and_the_command_line_over_both() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "[server]\nlisten = \"127.0.0.1:1\"\n[limits]\nslots_per_minute = 7\n")
        .expect("written");
    let sources = Sources {
        file: Some(file.path().to_owned()),
        environment: vec![
            ("FSM__SERVER__LISTEN".to_owned(), "127.0.0.1:2".to_owned()),
            ("FSM__WEBHOOKS__SCHEDULE".to_owned(), "[\"1s\", \"1m 30s\"]".to_owned()),
            ("FSM__SALES__PYXIS__ENABLED".to_owned(), "false".to_owned()),
        ],
        command_line: vec![("server.listen", "127.0.0.1:3".to_owned())],
    };
    let config = Config::load(&sources).expect("valid");
    assert_eq!((config.server.listen.port(), config.limits.slots_per_minute.get()), (3, 7));
    assert_eq!(config.webhooks.schedule.iter().map(std::time::Duration::as_secs).collect::<Vec<_>>(), [1, 90]);
}

#[test]
fn the_names_of_the_source_documents_are_understood() {
    let config = from_environment(&[
        ("CONEXXUS_API_URL", "https://api.conexxus.test"),
        ("CONEXXUS_API_KEY", "a-secret-key"),
        ("CONEXXUS_TIMEOUT", "60000"),
        ("CONEXXUS_RETRIES", "2"),
        ("CONEXXUS_RETRY_DELAY", "2s"),
        ("LOCATION_ID", "store-001"),
    ])
    .expect("valid");
    assert!(config.conexxus.enabled());
    assert_eq!((config.conexxus.timeout.as_secs(), config.conexxus.retry_delay.as_secs()), (60, 2));
    assert_eq!((config.conexxus.retries, config.conexxus.location_id.as_str()), (2, "store-001"));
}

#[test]
fn a_backend_that_is_not_built_in_stops_the_start() {
    for name in ["KAFKA_BROKERS", "REDIS_URL", "DATABASE_URL", "VAULT_ADDR"] {
        let report = from_environment(&[(name, "host:1")]).expect_err("refused").to_string();
        assert!(report.contains(name) && report.contains("not in this build; unset it"), "{report}");
        assert!(from_environment(&[(name, "")]).is_ok(), "an empty variable is not set");
    }
}

#[test]
fn a_misspelt_variable_is_refused_with_the_nearest_name() {
    let report = from_environment(&[("FSM__SERVER__LISTN", "x")]).expect_err("refused").to_string();
    assert!(
        report.contains("server.listn (FSM__SERVER__LISTN): is not a known key; did you mean server.listen?"),
        "{report}"
    );
}

#[test]
fn an_address_that_others_reach_needs_keys() {
    let open = ("FSM__SERVER__LISTEN", "0.0.0.0:8080");
    let report = from_environment(&[open]).expect_err("refused").to_string();
    assert!(report.contains("auth.keys is empty; add a key"), "{report}");
    let keys = format!("[{{ tenant = \"acme\", sha256 = \"{}\" }}]", KeyHash::of("key"));
    let config = from_environment(&[open, ("FSM__AUTH__KEYS", &keys)]).expect("valid");
    assert_eq!(config.auth.keys[0].sha256, KeyHash::of("key"));
    let report = from_environment(&[("FSM__SERVER__ADMIN_LISTEN", "[::]:8081")]).expect_err("refused").to_string();
    assert!(report.contains("admin_token_sha256 is empty"), "{report}");
}

#[test]
fn half_of_conexxus_is_a_mistake() {
    let report = from_environment(&[("CONEXXUS_API_KEY", "hunter2")]).expect_err("refused").to_string();
    assert!(report.contains("set both") && !report.contains("hunter2"), "{report}");
}

/// Whatever would switch a partner off later is found at the start.
#[test]
fn what_an_adapter_refuses_is_a_mistake() {
    let report = from_environment(&[
        ("CONEXXUS_API_URL", "https://api.conexxus.example.com"),
        ("CONEXXUS_API_KEY", "short"),
        ("FSM__CONEXXUS__ZONE", "-05:00"),
        ("FSM__ERP__ENABLED", "true"),
        ("FSM__ERP__BASE_URL", "https://oracle.test"),
        ("FSM__ERP__BUSINESS_UNIT", ""),
        ("FSM__SALES__TEMPO__ENABLED", "true"),
        ("FSM__SALES__TEMPO__BASE_URL", "https://tempo.test/?a=1"),
    ])
    .expect_err("refused")
    .to_string();
    for part in [
        "conexxus.url: cannot be used; it must be the URL of the back office",
        "conexxus.api_key: is too short",
        "conexxus.location_id = \"default\": cannot be used; it must be the location's own id",
        "conexxus.zone = \"-05:00\": cannot be used; it must be the location's IANA time zone",
        "erp.business_unit = \"\": cannot be used; it must name the business unit",
        "sales.tempo.base_url: cannot be used; it must be an http or https address",
        "6 mistakes",
    ] {
        assert!(report.contains(part), "{part}\n{report}");
    }
    assert!(!report.contains("short\"") && !report.contains("conexxus.example.com"), "{report}");
}

#[test]
fn a_key_that_no_header_takes_is_a_mistake() {
    let report = from_environment(&[
        ("CONEXXUS_API_URL", "https://api.conexxus.test"),
        ("CONEXXUS_API_KEY", "hunter2\nhunter2"),
        ("LOCATION_ID", "store-001"),
    ])
    .expect_err("refused")
    .to_string();
    assert!(report.contains("conexxus.api_key: holds characters") && report.contains("a mistake"), "{report}");
    assert!(!report.contains("hunter2"), "{report}");
}

#[test]
fn a_secret_path_that_is_none_is_a_mistake_and_not_shown() {
    let (_, report) = from_text(
        "[sales.pyxis]\nwebhook_secret_path = \"Hunter2\"\n[sales.tempo]\nwebhook_secret_path = \"\"\n\
         [erp]\napi_key_path = \"../{tenant}\"\n[server]\ndata_dir = \"\"\n",
    );
    for part in [
        "sales.pyxis.webhook_secret_path: a secret's path has",
        "sales.tempo.webhook_secret_path: a secret's path has",
        "erp.api_key_path: a secret's path has",
        "server.data_dir = \"\": is empty",
        "4 mistakes",
    ] {
        assert!(report.contains(part), "{part}\n{report}");
    }
    assert!(!report.contains("Hunter2"), "{report}");
}

#[test]
fn a_value_out_of_range_is_shown() {
    let (_, report) = from_text(
        "[server]\nbody_limit_bytes = 5\n[webhooks]\njitter = 1.5\n[conexxus]\nretries = 11\ntimeout = \"2h\"\n",
    );
    for part in [
        "server.body_limit_bytes = 5: is out of range; write 1024 to",
        "webhooks.jitter = 1.5: is out of range",
        "conexxus.retries = 11: is out of range",
        "conexxus.timeout = \"2h\": is out of range",
    ] {
        assert!(report.contains(part), "{part}\n{report}");
    }
}

#[test]
fn a_duration_in_milliseconds_is_asked_for_in_milliseconds() {
    for (name, key) in [("CONEXXUS_TIMEOUT", "timeout"), ("CONEXXUS_RETRY_DELAY", "retry_delay")] {
        let report = from_environment(&[(name, "1.5")]).expect_err("refused").to_string();
        assert!(report.contains(&format!("conexxus.{key} = \"1.5\" ({name})")), "{report}");
        assert!(report.contains("write milliseconds, as in 30000") && !report.contains("the default is"), "{report}");
    }
    let report = from_environment(&[("CONEXXUS_TIMEOUT", "0")]).expect_err("refused").to_string();
    assert!(report.contains("or 30000 in CONEXXUS_TIMEOUT"), "{report}");
}

#[test]
fn a_private_address_has_to_be_in_an_allowed_network() {
    let erp = [("FSM__ERP__ENABLED", "true"), ("FSM__ERP__BASE_URL", "https://10.1.2.3/fusion")];
    let report = from_environment(&erp).expect_err("refused").to_string();
    let expected = "erp.base_url: calls 10.1.2.3, which is no public address; add it or its range to \
                    outbound.allowed_networks";
    assert!(report.contains(expected), "{report}");
    let allowed = ("FSM__OUTBOUND__ALLOWED_NETWORKS", "[\"10.0.0.0/8\", \"fd00::/8\"]");
    let config = from_environment(&[&erp[..], &[allowed]].concat()).expect("valid");
    assert_eq!(config.outbound.allowed_networks.len(), 2);
    let wrong = ("FSM__OUTBOUND__ALLOWED_NETWORKS", "[\"10.0.0.0/33\"]");
    let report = from_environment(&[wrong]).expect_err("refused").to_string();
    assert!(report.contains("outbound.allowed_networks[0] = \"10.0.0.0/33\""), "{report}");
    assert!(report.contains("an address range is an IP address"), "{report}");
}

#[test]
fn a_url_with_a_password_is_refused_and_not_shown() {
    let report = from_environment(&[
        ("FSM__SALES__PYXIS__ENABLED", "true"),
        ("FSM__SALES__PYXIS__BASE_URL", "https://user:hunter2@pyxis.example.com"),
    ])
    .expect_err("refused")
    .to_string();
    assert!(report.contains("sales.pyxis.base_url") && !report.contains("hunter2"), "{report}");
}
