//! Filters one behind the other, as in a listener.

use crate::proxy::Proxy;
use crate::request::Answer;
use crate::{Pairs, pairs};

/// Some filters of one proxy, in the order in which requests pass them. A local reply is shown to the filter that made it and to
/// those before, as Envoy does it.
pub struct Chain(Vec<Proxy>);

impl Chain {
    /// The first of them is [started](Proxy::start), the others are [beside](Proxy::beside) it.
    #[must_use]
    pub fn of(filters: Vec<Proxy>) -> Self {
        Self(filters)
    }

    /// The filters.
    pub fn filters(&mut self) -> &mut [Proxy] {
        &mut self.0
    }

    /// Makes an exchange. `meanwhile` is called again and again while a filter holds the request, with that filter.
    ///
    /// # Panics
    /// When a filter holds the request for ever.
    pub fn exchange(
        &mut self,
        request: Pairs,
        response: Pairs,
        mut meanwhile: impl FnMut(&mut Proxy),
    ) -> Answer {
        let (mut headers, mut state) = (Some(request), Default::default());
        let mut whole = Answer::default();
        let mut held = Vec::new();
        for proxy in &mut self.0 {
            let Some(request) = headers.take() else { break };
            let paused = proxy.request_bytes(request).published(state).begin();
            for round in 0.. {
                if !paused.waits() {
                    break;
                }
                assert!(round < 100, "nobody comes for a request that waits");
                meanwhile(proxy);
            }
            (headers, state) = paused.passed();
            held.push(paused);
        }
        whole.upstream = headers;
        let mut client = pairs(&[(":status", "200")]);
        client.extend(response);
        for (place, paused) in held.into_iter().rev().enumerate() {
            let answer = paused.finish_with(client, state);
            client = answer.client;
            state = answer
                .filter_state
                .iter()
                .map(|(key, value)| (key.clone(), value.clone().into_bytes()))
                .collect();
            whole.request_calls = [answer.request_calls, whole.request_calls].concat();
            whole.response_calls.extend(answer.response_calls);
            whole.filter_state = answer.filter_state;
            whole.reply = whole.reply.or(answer.reply);
            if place == 0 {
                whole.logged = answer.logged;
            }
        }
        whole.client = client;
        whole
    }
}
