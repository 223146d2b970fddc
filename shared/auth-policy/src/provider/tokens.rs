//! Where bearer tokens stand, the same for every provider that takes them.

use credentials::{HeaderPlace, Place, check_places};
use policy_core::{ConfigError, HeaderName};

use crate::own_headers::OwnHeaders;

/// `fromHeaders`, `fromParams`, `fromCookies`. When none is given, Istio's default: `Authorization: Bearer`, then the
/// parameter `access_token`.
pub(crate) fn places(
    headers: Option<Vec<HeaderPlace>>,
    params: Option<Vec<String>>,
    cookies: Option<Vec<String>>,
) -> Result<Vec<Place>, ConfigError> {
    if headers.is_none() && params.is_none() && cookies.is_none() {
        let header = Place::header(HeaderName::AUTHORIZATION, Some("Bearer ".to_owned()));
        let places = header.and_then(|header| Ok(vec![header, Place::query("access_token".to_owned())?]));
        return places.map_err(|message| ConfigError::at("", message));
    }
    let mut places = Vec::new();
    for (index, header) in headers.unwrap_or_default().into_iter().enumerate() {
        places.push(Place::header(header.name, header.prefix).map_err(at("fromHeaders", index))?);
    }
    for (index, name) in params.unwrap_or_default().into_iter().enumerate() {
        places.push(Place::query(name).map_err(at("fromParams", index))?);
    }
    for (index, name) in cookies.unwrap_or_default().into_iter().enumerate() {
        places.push(Place::cookie(name).map_err(at("fromCookies", index))?);
    }
    check_places(&places)?;
    Ok(places)
}

fn at(list: &str, index: usize) -> impl Fn(String) -> ConfigError {
    move |message| ConfigError::at("", message).under_item(list, index)
}

/// Refuses places in headers that are stripped from every request.
pub(crate) fn none_is_ours(places: &[Place], own: &OwnHeaders) -> Result<(), ConfigError> {
    for place in places {
        if let Place::Header { name, .. } = place
            && own.contains(name.as_bytes())
        {
            return Err(ConfigError::at(
                "",
                format!(
                    "{name} is written by this filter and removed from every request: read another header"
                ),
            ));
        }
    }
    Ok(())
}
