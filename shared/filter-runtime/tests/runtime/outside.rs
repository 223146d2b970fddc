//! What a policy does outside requests, and what it asks of the host.

use std::time::Duration;

use testkit::Proxy;

use crate::patient::PatientPlugin;

fn start(config: &str) -> Proxy {
    Proxy::start::<PatientPlugin>(config).unwrap()
}

fn metric(proxy: &Proxy, part: &str) -> i64 {
    proxy.counters().iter().find(|(name, _)| name.contains(part)).map_or(0, |(_, value)| *value)
}

fn header(proxy: &mut Proxy, path: &str, name: &str) -> String {
    proxy.request(&[(":path", path)]).send().upstream(name).join("|")
}

#[test]
fn an_errand_is_sent_as_it_was_written() {
    let mut proxy = start("{}");
    let paused = proxy.request(&[(":path", "/wait")]).begin();
    proxy.tick();
    let calls = proxy.calls();
    assert_eq!(calls.len(), 1);
    let call = &calls[0];
    let header = |name| call.header(name).unwrap();
    assert_eq!((call.cluster.as_str(), call.body.as_slice()), ("keys", b"ask".as_slice()));
    assert_eq!(
        [":method", ":path", ":authority", "accept"].map(header),
        ["POST", "/keys?a=1", "idp.example.com", "application/json"]
    );
    assert_eq!(call.timeout, Duration::from_millis(1), "zero would be for ever");
    paused.leave();
}

#[test]
fn an_answer_that_cannot_be_read_is_lost() {
    for function in ["get_header_map_pairs", "get_buffer"] {
        let mut proxy = start(r#"{"retry":true}"#);
        let paused = proxy.request(&[(":path", "/wait")]).begin();
        proxy.tick();
        let token = proxy.calls()[0].token;
        paused.leave();
        proxy.fail(function);
        proxy.answer(token, 200, &[], b"k");
        assert_eq!(proxy.calls().len(), 1, "{function}: it is sent again");
    }
}

#[test]
fn an_errand_that_is_never_sent_is_tried_once_per_tick() {
    let mut proxy = start(r#"{"retry":true}"#);
    proxy.forget_cluster("keys");
    proxy.request(&[(":path", "/wait")]).begin().leave();
    for _ in 0..3 {
        proxy.take_calls();
        proxy.tick();
        assert_eq!(proxy.take_calls().iter().filter(|call| **call == "http_call").count(), 1);
        assert_eq!(proxy.tick_period(), Some(Duration::from_millis(10)));
    }
}

#[test]
fn a_tick_asked_for_comes_again_and_again() {
    let mut proxy = start(r#"{"tickMs":5000}"#);
    let ms = |ms| Some(Duration::from_millis(ms));
    assert_eq!(proxy.tick_period(), ms(5000));
    proxy.advance(Duration::from_secs(5));
    proxy.take_calls();
    proxy.tick();
    assert_eq!((metric(&proxy, "ticks"), proxy.tick_period()), (1, ms(5000)));
    assert!(!proxy.take_calls().contains(&"set_tick_period"));
    // Requests that wait tick in between; afterwards the rest of the five seconds is left.
    let paused = proxy.request(&[(":path", "/wait")]).begin();
    proxy.advance(Duration::from_secs(2));
    proxy.tick();
    assert_eq!(proxy.tick_period(), ms(10));
    paused.leave();
    proxy.tick();
    assert_eq!(proxy.tick_period(), ms(3000));
}

#[test]
fn a_clock_set_back_delays_no_tick() {
    let mut proxy = start(r#"{"tickMs":5000}"#);
    proxy.set_time(1);
    proxy.tick();
    assert_eq!(proxy.tick_period(), Some(Duration::from_secs(5)));
}

#[test]
fn gauges_are_set_and_counters_raised() {
    let mut proxy = start(r#"{"tickMs":5}"#);
    proxy.tick();
    proxy.tick();
    assert_eq!((metric(&proxy, "component.a.level"), metric(&proxy, "ticks")), (42, 2));
}

#[test]
fn a_metric_or_timer_that_the_host_refuses_stops_nothing() {
    for function in ["record_metric", "set_tick_period"] {
        let mut proxy = start("{}");
        proxy.fail(function);
        proxy.configure(r#"{"tickMs":5}"#).unwrap();
        assert!(proxy.request(&[(":path", "/")]).send().upstream.is_some(), "{function}");
    }
}

#[test]
fn the_store_is_one_for_all_vms_and_each_plugin_has_its_own_part() {
    let mut proxy = start("{}");
    let mut other = proxy.another_vm("{}").unwrap();
    assert_eq!(header(&mut proxy, "/store", "x-n"), "0 Ok(())");
    assert_eq!(header(&mut other, "/store", "x-n"), "1 Ok(())");
    assert_eq!(header(&mut proxy, "/store", "x-n"), "2 Ok(())");
    assert_eq!(proxy.stored(), ["tollgate.patient.n"]);
    proxy.configure("{}").unwrap();
    assert_eq!(header(&mut proxy, "/store", "x-n"), "3 Ok(())", "it survives a new configuration");
}

#[test]
fn whoever_writes_second_is_told() {
    let mut proxy = start("{}");
    assert_eq!(header(&mut proxy, "/store", "x-n"), "0 Ok(())");
    proxy.interfere(&[9]);
    assert_eq!(header(&mut proxy, "/store", "x-n"), "1 Err(Stale)");
    assert_eq!(header(&mut proxy, "/store", "x-n"), "9 Ok(())");
    for (function, seen) in [("set_shared_data", "10 Err(Stale)"), ("get_shared_data", "0 Ok(())")] {
        proxy.fail(function);
        assert_eq!(header(&mut proxy, "/store", "x-n"), seen, "{function}");
        proxy.heal();
    }
}

#[test]
fn signatures_are_checked_by_a_host_that_can() {
    let mut proxy = start("{}");
    assert_eq!(header(&mut proxy, "/verify", "x-verdict"), "None");
    proxy.verify_with(|asked| {
        asked.hash == "sha256"
            && asked.public_key == b"key"
            && asked.signature == b"sig"
            && asked.text == [7; 300]
    });
    assert_eq!(header(&mut proxy, "/verify", "x-verdict"), "Some(true)");
    proxy.fail("call_foreign_function");
    assert_eq!(header(&mut proxy, "/verify", "x-verdict"), "None");
    proxy.heal();
    proxy.verify_with(|_| false);
    assert_eq!(header(&mut proxy, "/verify", "x-verdict"), "Some(false)");
}
