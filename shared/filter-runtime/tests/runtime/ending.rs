//! The end of a stream: once, whatever it was.

use std::time::Duration;

use testkit::Proxy;

use crate::asker::AskerPlugin;

/// How a stream ends.
type End = (&'static str, fn(&mut Proxy));

fn start(config: &str) -> Proxy {
    Proxy::start::<AskerPlugin<true>>(config).unwrap()
}

fn metric(proxy: &Proxy, name: &str) -> i64 {
    let part = format!("tag.{name};");
    proxy.counters().iter().find(|(name, _)| name.contains(&part)).map_or(0, |(_, value)| *value)
}

#[test]
fn every_stream_ends_once_however_it_ends() {
    let ends: [End; 10] = [
        ("it goes through", |proxy| drop(proxy.request(&[(":path", "/")]).send())),
        ("the client leaves before the response", |proxy| {
            proxy.request(&[(":path", "/")]).begin().leave();
        }),
        ("the client leaves before the answer", |proxy| proxy.request(&[(":path", "/ask")]).begin().leave()),
        ("the client leaves after the answer", |proxy| {
            let paused = proxy.request(&[(":path", "/ask")]).begin();
            proxy.answer(proxy.calls()[0].token, 200, &[], b"");
            paused.leave();
        }),
        ("it is answered and goes through", |proxy| {
            let paused = proxy.request(&[(":path", "/ask")]).begin();
            proxy.answer(proxy.calls()[0].token, 200, &[], b"");
            drop(paused.finish());
        }),
        ("it is refused after the answer", |proxy| {
            let paused = proxy.request(&[(":path", "/refuse")]).begin();
            proxy.lose(proxy.calls()[0].token);
            drop(paused.finish());
        }),
        ("time is up while it asks", |proxy| drop(proxy.request(&[(":path", "/ask")]).begin().time_out())),
        ("the client leaves while it waits", |proxy| proxy.request(&[(":path", "/wait")]).begin().leave()),
        ("its headers cannot be read", |proxy| {
            proxy.fail("get_header_map_pairs");
            drop(proxy.request(&[(":path", "/ask")]).send());
        }),
        ("it ends under an old configuration", |proxy| {
            let paused = proxy.request(&[(":path", "/")]).begin();
            proxy.configure("{}").unwrap();
            drop(paused.finish());
        }),
    ];
    for (how, end) in ends {
        let mut proxy = start("{}");
        end(&mut proxy);
        assert_eq!(metric(&proxy, "ended"), 1, "{how}");
        let blind = how.contains("read");
        assert_eq!(metric(&proxy, "known"), i64::from(!blind), "{how}: with what the stream remembers");
    }
}

#[test]
fn a_stream_that_began_with_its_response_ends_and_one_that_never_began_does_not() {
    let mut proxy = start("{}");
    let _ = proxy.request(&[]).unseen().send();
    assert_eq!((metric(&proxy, "ended"), metric(&proxy, "known")), (1, 0));
    proxy.request(&[]).unseen().begin().leave();
    assert_eq!(metric(&proxy, "ended"), 1);
    let mut unconfigured = Proxy::unconfigured::<AskerPlugin<true>>();
    let _ = unconfigured.request(&[(":path", "/")]).send();
    assert_eq!(metric(&unconfigured, "ended"), 0, "there is no policy to end with");
}

#[test]
fn an_end_has_the_host_and_costs_what_the_policy_does() {
    let mut proxy = start("{}");
    let paused = proxy.request(&[(":path", "/")]).begin();
    proxy.take_calls();
    paused.leave();
    assert_eq!(proxy.take_calls(), ["set_shared_data", "increment_metric", "increment_metric"]);
    assert_eq!(proxy.stored(), ["tollgate.asker.last-end"]);
}

#[test]
fn an_end_may_ask_for_a_tick_but_delays_none() {
    let ms = |ms| Some(Duration::from_millis(ms));
    for (config, first, second) in [
        (r#"{"endTickMs":1000}"#, ms(1000), ms(1000)),
        (r#"{"startTickMs":500,"endTickMs":1000}"#, ms(500), ms(500)),
        (r#"{"startTickMs":5000,"endTickMs":1000}"#, ms(1000), ms(1000)),
    ] {
        let mut proxy = start(config);
        let _ = proxy.request(&[(":path", "/")]).send();
        assert_eq!(proxy.tick_period(), first, "{config}");
        proxy.advance(Duration::from_millis(100));
        let due = first.unwrap().saturating_sub(Duration::from_millis(100));
        let _ = proxy.request(&[(":path", "/")]).send();
        assert!(proxy.tick_period().unwrap() == due || proxy.tick_period() == second, "{config}");
        proxy.advance(due);
        proxy.tick();
        assert_eq!(proxy.tick_period(), second, "{config}: it comes again");
    }
}

#[test]
fn an_end_may_send_an_errand() {
    let mut proxy = start(r#"{"errandAtEnd":true}"#);
    let _ = proxy.request(&[(":path", "/")]).send();
    proxy.answer(proxy.calls()[0].token, 200, &[], b"");
    assert_eq!(metric(&proxy, "errand"), 1);
    proxy.forget_cluster("limits");
    let _ = proxy.request(&[(":path", "/")]).send();
    assert_eq!(metric(&proxy, "errand"), 2, "one that is not sent is told at once");
}
