//! What the examples do not show: pairs, options, acceptances, and how findings are written.

mod mesh;
mod modules;

use clap::Parser as _;

use super::*;

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

/// What the command writes (for machines), says (for people) and returns, with this on standard input.
fn run(flags: &[&str], text: &str) -> (String, String, ExitCode) {
    let line = Line::parse_from(["check"].iter().chain(flags));
    let said = tempfile::NamedTempFile::new().unwrap();
    let mut report = Reporter::new(said.reopen().unwrap());
    let mut out = Vec::new();
    let code = check(&line.args, &mut text.as_bytes(), &mut out, &mut report);
    (String::from_utf8(out).unwrap(), std::fs::read_to_string(said.path()).unwrap(), code)
}

/// The findings as `path code`.
fn found(flags: &[&str], text: &str) -> Vec<String> {
    let flags = [&["--format", "json", "-"], flags].concat();
    let (out, _, _) = run(&flags, text);
    let findings: Vec<serde_json::Value> = serde_json::from_str(&out).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    findings.iter().map(|found| format!("{} {}", text(&found["path"]), text(&found["code"]))).collect()
}

/// A good plugin, with these lines in metadata and spec, which take the place of its own.
fn plugin(name: &str, metadata: &str, spec: &str) -> String {
    let mut lines = vec![
        format!("url: oci://ghcr.io/tollgate/header-filter:1@sha256:{}", "a".repeat(64)),
        "phase: AUTHN".to_owned(),
        "priority: 10".to_owned(),
        "match: [{mode: SERVER}]".to_owned(),
        "failStrategy: FAIL_RELOAD".to_owned(),
        format!("vmConfig: {{env: [{{name: PLUGIN, value: {name}}}]}}"),
    ];
    for line in spec.lines() {
        let key = line.split(':').next().unwrap();
        lines.retain(|own| !own.starts_with(&format!("{key}:")));
        lines.push(line.to_owned());
    }
    format!(
        "---\napiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata:\n  name: {name}\n{metadata}spec:\n  {}\n",
        lines.join("\n  ")
    )
}

const SHOP: &str = "  namespace: shop\n";

#[test]
fn two_plugins_of_one_workload_are_told_apart() {
    let equal = "priority-equal";
    for (first, second, expected) in [
        ("priority: 5", "priority: 6", ""),
        ("priority: 5", "priority: 5", equal),
        ("priority: 5", "priority: 5\nphase: AUTHZ", ""),
        ("selector: {matchLabels: {app: a}}", "selector: {matchLabels: {app: b}}", ""),
        ("selector: {matchLabels: {app: a}}", "selector: {matchLabels: {tier: b}}", equal),
        ("selector: {matchLabels: {app: a}}", "targetRefs: [{kind: Service, name: a}]", ""),
        ("targetRefs: [{kind: Service, name: a}]", "targetRefs: [{kind: Service, name: b}]", ""),
        ("targetRefs: [{kind: Service, name: a}]", "targetRefs: [{kind: Service, name: a}]", equal),
        ("match: [{mode: CLIENT}]", "match: [{mode: SERVER}]", ""),
        ("match: [{mode: CLIENT_AND_SERVER}]", "match: [{mode: SERVER}]", equal),
        (
            "match: [{mode: SERVER, ports: [{number: 1}]}]",
            "match: [{mode: SERVER, ports: [{number: 2}]}]",
            "",
        ),
    ] {
        let text = plugin("a", SHOP, first) + &plugin("b", SHOP, second);
        let expected: Vec<_> =
            (!expected.is_empty()).then(|| format!("spec.priority {expected}")).into_iter().collect();
        assert_eq!(found(&[], &text), expected, "{first} / {second}");
    }
}

#[test]
fn only_the_root_namespace_meets_another() {
    let selector = "selector: {matchLabels: {app: a}}";
    let other = plugin("b", "  namespace: other\n", selector);
    let root = plugin("b", "  namespace: istio-system\n", selector);
    let shop = plugin("a", SHOP, selector);
    assert_eq!(found(&[], &(shop.clone() + &other)), [""; 0]);
    assert_eq!(found(&[], &(shop.clone() + &root)), ["spec.priority priority-equal"]);
    assert_eq!(found(&["--root-namespace", "other"], &(shop + &other)), ["spec.priority priority-equal"]);
}

#[test]
fn plugins_of_one_module_and_environment_share_a_vm() {
    let (one, other) =
        ("vmConfig: {env: [{name: A, value: one}]}", "vmConfig: {env: [{name: A, value: two}]}");
    let (hidden, file) = (
        "vmConfig: {env: [{name: A, value: one}, {name: ISTIO_META_X, value: z}]}",
        "url: file:///x/header-filter.wasm",
    );
    let shared = "spec.vmConfig.env shared-vm";
    for (first, second, expected) in [
        (one.to_owned(), one.to_owned(), vec![shared]),
        (one.to_owned(), other.to_owned(), vec![]),
        (one.to_owned(), hidden.to_owned(), vec![shared, "spec.vmConfig.env[1].name environment"]),
        (format!("{one}\n{file}"), format!("{one}\n{file}"), vec![]),
    ] {
        let text = plugin("a", SHOP, &first) + &plugin("b", SHOP, &format!("{second}\npriority: 1"));
        assert_eq!(found(&[], &text), expected, "{first} / {second}");
    }
}

#[test]
fn one_name_for_two_kinds_is_two_filters() {
    let text =
        plugin("a", SHOP, "") + &plugin("a", SHOP, "priority: 1").replace("WasmPlugin", "TrafficExtension");
    let text = text.replacen("priority: 1\n", "priority: 1\n  wasm: {url: x}\n", 1);
    assert!(found(&[], &text).contains(&"metadata.name same-name".to_owned()));
    let twice = plugin("a", SHOP, "") + &plugin("a", SHOP, "priority: 1");
    assert!(found(&[], &twice).contains(&"metadata.name given-twice".to_owned()));
}

#[test]
fn a_finding_is_accepted_with_a_reason() {
    let allow = |text: &str| format!("{SHOP}  annotations:\n    tollgate.dev/allow: |\n      {text}\n");
    let allowed = "metadata.annotations.tollgate.dev/allow";
    for (text, expected) in [
        ("both-directions: calls are tagged too", vec![]),
        ("both-directions, priority-unset: why not", vec![]),
        ("both-directions", vec![format!("{allowed} allow-unknown")]),
        (
            "nothing: really",
            vec![format!("{allowed} allow-unknown"), "spec.match both-directions".to_owned()],
        ),
        ("url: really", vec![format!("{allowed} allow-unknown"), "spec.match both-directions".to_owned()]),
        ("both-directions, shared-vm: why", vec![format!("{allowed} allow-unused")]),
    ] {
        let spec = if text.contains("priority") { "match: []\npriority: ~" } else { "match: []" };
        assert_eq!(found(&[], &plugin("a", &allow(text), spec)), expected, "{text}");
    }
    let (_, said, _) =
        run(&["-"], &plugin("a", &allow("both-directions: calls are tagged too"), "match: []"));
    assert!(
        said.starts_with("1 plugin: 0 errors, 0 warnings, 0 hints, 1 accepted; not looked at:"),
        "{said}"
    );
}

#[test]
fn what_one_object_accepts_no_other_does() {
    let allow = format!("{SHOP}  annotations: {{tollgate.dev/allow: 'both-directions: a'}}\n");
    let text = plugin("a", &allow, "match: []") + &plugin("b", SHOP, "match: []\npriority: 1");
    assert_eq!(found(&[], &text), ["spec.match both-directions"]);
}

#[test]
fn the_exit_status_says_how_bad_it_is() {
    let good = plugin("a", SHOP, "");
    let warned = plugin("a", SHOP, "match: []");
    let hinted = plugin("a", SHOP, "pluginName: x");
    let bad = plugin("a", SHOP, "priority: x");
    for (flags, text, expected) in [
        (&["-"][..], good.as_str(), 0),
        (&["-"], &warned, 0),
        (&["--strict", "-"], &warned, 1),
        (&["--strict", "-"], &hinted, 0),
        (&["-"], &bad, 1),
        (&["-"], "a: [", 2),
        (&["/nowhere"], "", 2),
        (&["-"], "kind: Namespace\n", 0),
        (&["--strict", "-"], "kind: Namespace\n", 1),
    ] {
        assert_eq!(run(flags, text).2, ExitCode::from(expected), "{flags:?} {text}");
    }
}

#[test]
fn findings_are_written_for_people_and_machines() {
    let text = plugin("a", SHOP, "priority: 1.5").replace("---\n", "");
    let (_, said, _) = run(&["-"], &text);
    assert_eq!(
        said,
        "-:12:3: spec.priority: must be a 32-bit integer [error wrong-type]\n\
         1 plugin: 1 error, 0 warnings, 0 hints; not looked at: images (tollgate inspect), pull secrets and the \
         proxies' environment, modules (--modules)\n"
    );
    let (out, _, _) = run(&["--format", "json", "-"], &text);
    let finding: serde_json::Value = serde_json::from_str(&out).unwrap();
    let expected = serde_json::json!([{
        "file": "-", "line": 12, "column": 3, "path": "spec.priority", "level": "error", "code": "wrong-type",
        "message": "must be a 32-bit integer",
    }]);
    assert_eq!(finding, expected);
    let (out, _, _) = run(&["--format", "github", "-"], &plugin("a", SHOP, "phase: \"x\\n::error::%\""));
    assert_eq!(
        out,
        "::error file=-,line=13,col=3,title=wrong-word::spec.phase: \"x\\n::error::%25\" is not one of AUTHN, AUTHZ, STATS, \
         UNSPECIFIED_PHASE\n"
    );
}

#[test]
fn a_workflow_command_cannot_be_ended_by_what_stands_in_it() {
    let fault = Fault {
        file: "a,b:\n.yaml".into(),
        at: None,
        path: "x".to_owned(),
        message: "50%\r\n::set-env::".to_owned(),
        code: Code::Invalid,
    };
    let mut out = Vec::new();
    output::findings(Format::Github, &[fault], &mut out, &mut Reporter::new(std::io::sink())).unwrap();
    let expected = "::error file=a%2Cb%3A%0A.yaml,title=invalid::x: 50%25%0D%0A::set-env::\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn every_kind_of_finding_is_listed() {
    let (_, said, _) = run(&["--list"], "");
    assert_eq!(said.lines().count(), Code::ALL.len());
    assert!(said.contains("priority-unset         warning  an unset priority"), "{said}");
}

#[test]
fn a_variable_of_the_proxy_is_not_found_fault_with_and_hides_nothing() {
    let config = |key: &str, rule: &str| {
        format!(
            "url: oci://x/auth-filter:1\npluginConfig: {{providers: [{{name: k, apiKey: {{from: [{{header: k}}], keys: [{{id: a, key: \
             {{env: {key}}}}}]}}}}], rules: [{{name: a, require: {{anyOf: [{rule}]}}}}]}}\n\
             vmConfig: {{env: [{{name: TOLLGATE_TEST_UNSET, valueFrom: HOST}}]}}"
        )
    };
    let pinned = "spec.url mutable-tag";
    for (key, rule, expected) in [
        ("TOLLGATE_TEST_UNSET", "k", ""),
        ("TOLLGATE_TEST_UNSET", "other", "spec.pluginConfig.rules[0].require.anyOf[0] config"),
        ("FORGOTTEN", "k", "spec.pluginConfig.providers[0].apiKey.keys[0].key.env config"),
    ] {
        let mut expected = vec![expected];
        expected.retain(|finding| !finding.is_empty());
        expected.insert(0, pinned);
        assert_eq!(found(&[], &plugin("a", SHOP, &config(key, rule))), expected, "{key} {rule}");
    }
}

#[test]
fn a_script_is_looked_at_and_a_list_is_opened() {
    let script = plugin("a", SHOP, "").replace("kind: WasmPlugin", "kind: TrafficExtension");
    let head = script.split("spec:").next().unwrap();
    let lua =
        format!("{head}spec:\n  phase: AUTHN\n  lua: {{inlineCode: 'function envoy_on_request(h) end'}}\n");
    assert_eq!(found(&["--strict"], &lua), [""; 0]);
    let item = plugin("a", SHOP, "priority: x").replace("---\n", "").replace('\n', "\n  ");
    for kind in ["List", "WasmPluginList"] {
        let list = format!("apiVersion: v1\nkind: {kind}\nitems:\n- {}\n", item.trim_end());
        assert_eq!(found(&[], &list), ["spec.priority wrong-type"], "{kind}");
    }
}
