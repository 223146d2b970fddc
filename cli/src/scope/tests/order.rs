use super::*;

fn names(selection: &Selection) -> Vec<String> {
    selection.plugins.iter().map(WasmPlugin::full_name).collect()
}

#[test]
fn equals_of_the_root_namespace_come_after_the_proxys_own() {
    let given = plugins(&[
        ("istio-system/root", "phase: AUTHN, priority: 5"),
        ("shop/own", "phase: AUTHN, priority: 5"),
        ("istio-system/first", "phase: AUTHN, priority: 6"),
        ("stock/other", "phase: AUTHN, priority: 7"),
        ("shop/late", "phase: AUTHN"),
    ]);
    let selection = View::Proxy(proxy(ProxyKind::SidecarInbound)).select(given.clone(), Naming::Current);
    assert_eq!(names(&selection), ["istio-system.first", "shop.own", "istio-system.root", "shop.late"]);
    assert_eq!(selection.excluded.len(), 1);
    assert_eq!(selection.notes, Vec::<String>::new(), "the namespaces decide, not the documents");
    let everything = View::Everything { namespace: None, root_namespace: "istio-system".to_owned() };
    let selection = everything.select(given, Naming::Current);
    assert_eq!(
        names(&selection),
        ["stock.other", "istio-system.first", "shop.own", "istio-system.root", "shop.late"]
    );
}

#[test]
fn a_waypoints_services_come_last() {
    let target = "targetRefs: [{kind: Service, name: ledger}], priority: 1";
    let own = "targetRefs: [{kind: Gateway, group: gateway.networking.k8s.io, name: waypoint}], priority: 1";
    let class = "targetRefs: [{kind: GatewayClass, group: gateway.networking.k8s.io, name: istio-waypoint}], priority: 1";
    let given = plugins(&[("stock/c", target), ("istio-system/b", class), ("shop/a", own)]);
    let selection = View::Proxy(waypoint()).select(given, Naming::Current);
    assert_eq!(names(&selection), ["shop.a", "istio-system.b", "stock.c"]);
}

#[test]
fn what_only_the_documents_decide_is_said_once() {
    let everything = View::Everything { namespace: None, root_namespace: "istio-system".to_owned() };
    let given =
        plugins(&[("shop/b", "priority: 1"), ("shop/a", "priority: 1"), ("shop/c", ""), ("shop/d", "")]);
    let selection = everything.select(given, Naming::Current);
    assert_eq!(names(&selection), ["shop.b", "shop.a", "shop.c", "shop.d"]);
    assert_eq!(selection.notes.len(), 1);
    assert!(
        selection.notes[0].starts_with("shop.b before shop.a, shop.c before shop.d: "),
        "{:?}",
        selection.notes
    );
}

#[test]
fn ports_that_were_not_looked_at_are_said() {
    let view = View::Proxy(Proxy { port: None, ..proxy(ProxyKind::SidecarInbound) });
    let given = plugins(&[("shop/a", "match: [{ports: [{number: 80}]}]"), ("shop/b", "priority: 1")]);
    let notes = view.select(given, Naming::Current).notes;
    assert_eq!(notes, ["shop.a: match names ports, which are not looked at without a listener port"]);
}

#[test]
fn what_is_left_out_of_manifests_is_noted_with_the_reason() {
    let manifests =
        Manifests { plugins: plugins(&[("stock/a", ""), ("shop/b", "")]), ..Manifests::default() };
    let kept = View::Proxy(proxy(ProxyKind::SidecarInbound)).apply(manifests, Naming::Current);
    assert_eq!(kept.plugins.len(), 1);
    assert_eq!(
        kept.notes,
        ["stock.a left out: its namespace is none that this proxy looks at (shop, istio-system)"]
    );
}

#[test]
fn the_synthetic_name_decides_among_plugins_of_one_age() {
    let manifest = |name: &str| {
        format!(
            "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{name: {name}, \
             creationTimestamp: \"2026-01-01T00:00:00Z\"}}\nspec: {{url: oci://x/y:1}}\n"
        )
    };
    let text = format!("{}---\n{}", manifest("a"), manifest("a-b"));
    let given = Manifests::parse(Path::new("a.yaml"), &text).unwrap().plugins;
    let view = View::Everything { namespace: None, root_namespace: "istio-system".to_owned() };
    // "~" sorts after "-", the end of a name before it.
    for (naming, first) in [(Naming::Current, "default.a-b"), (Naming::Legacy, "default.a")] {
        assert_eq!(names(&view.select(given.clone(), naming))[0], first, "{naming:?}");
    }
}

#[test]
fn plugins_stand_between_istios_own_filters() {
    let given = plugins(&[
        ("shop/z", "phase: STATS"),
        ("shop/a", "phase: AUTHN"),
        ("shop/b", "phase: AUTHZ"),
        ("shop/u", ""),
    ]);
    let shown = |view: &View| {
        let selection = view.select(given.clone(), Naming::Current);
        let name = |station: &Station<'_>| match station {
            Station::Plugin(plugin) => plugin.metadata.name.clone(),
            Station::Istio(own) => format!("[{}]", own.split([',', ' ']).next().unwrap()),
        };
        stations(view, &selection.plugins).iter().map(name).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        shown(&View::Proxy(proxy(ProxyKind::SidecarInbound))),
        "[peer] a [RequestAuthentication] b [AuthorizationPolicy] z u [grpc]"
    );
    let everything = View::Everything { namespace: None, root_namespace: String::new() };
    assert_eq!(shown(&everything), "a b z u");
}

#[test]
fn options_make_the_view() {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }
    let view = |line: &str| {
        let words = std::iter::once("x").chain(line.split_whitespace());
        clap::Parser::try_parse_from(words).map(|line: Line| line.args.view()).map_err(|error| error.kind())
    };
    let everything = View::Everything { namespace: None, root_namespace: ROOT_NAMESPACE.to_owned() };
    assert_eq!(view("").unwrap(), everything);
    let line = "--as gateway --namespace shop --labels app=web,gateway.networking.k8s.io/gateway-name=edge \
                --listener-port 80 --services stock/ledger";
    let View::Proxy(made) = view(line).unwrap() else { panic!("a proxy") };
    assert_eq!(made.kind, ProxyKind::GatewayApiGateway("edge".to_owned()));
    assert_eq!((made.namespace.as_str(), made.port, made.services.len()), ("shop", Some(80), 1));
    let View::Proxy(made) = view("--as waypoint").unwrap() else { panic!("a proxy") };
    assert_eq!((made.kind, made.namespace.as_str()), (ProxyKind::Waypoint("waypoint".to_owned()), "default"));
    for wrong in
        ["--as pod", "--as gateway --labels app", "--listener-port 80", "--as waypoint --services ledger"]
    {
        assert!(view(wrong).is_err(), "{wrong}");
    }
}
