//! A person changes what waits for them. What was shown of it counts no more.

use std::sync::Arc;

use applyd_core::draft::Draft;
use applyd_core::ids::QueueId;
use applyd_core::refusal::Refusal;
use applyd_core::role::Role;
use applyd_core::state::State;
use applyd_core::terms::sha256_hex;
use applyd_store::revise::{self, Revised};
use applyd_store::{Error, application};
use askama::Template;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::application::named;
use super::member::Member;
use super::page::{Fields, Section, Shell, page, page_as};
use super::refused::Refused;
use crate::http::App;

#[derive(Template)]
#[template(path = "dashboard/edit.html", whitespace = "minimize")]
struct Page {
    shell: Shell,
    id: QueueId,
    form: Form,
    /// What was wrong with it, and where.
    refusal: Option<Refusal>,
}

/// The fields as they stand in the form; an empty one is not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Form {
    /// SHA-256 of the request that is changed.
    seen: String,
    letter: String,
    hourly_rate: String,
    fixed_price: String,
    boost_connects: String,
    max_connects: String,
}

impl Form {
    fn of(request: &str) -> Self {
        let members: Value = serde_json::from_str(request).unwrap_or_default();
        let proposal = &members["proposal"];
        let number = |name: &str| match &proposal[name] {
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        Self {
            seen: sha256_hex(request.as_bytes()),
            letter: members["coverLetter"].as_str().unwrap_or_default().to_owned(),
            hourly_rate: number("hourlyRate"),
            fixed_price: number("fixedPrice"),
            boost_connects: number("boostConnects"),
            max_connects: number("maxConnects"),
        }
    }

    /// The request with what the form says, judged as a caller's is.
    fn put_into(&self, request: &str) -> Result<String, Refusal> {
        let mut members: Map<String, Value> = serde_json::from_str(request).unwrap_or_default();
        // A browser sends the ends of lines as CR LF, whatever they were.
        members.insert("coverLetter".to_owned(), json!(self.letter.replace("\r\n", "\n")));
        let proposal = members.entry("proposal").or_insert_with(|| json!({}));
        let fields = [
            ("hourlyRate", &self.hourly_rate),
            ("fixedPrice", &self.fixed_price),
            ("boostConnects", &self.boost_connects),
            ("maxConnects", &self.max_connects),
        ];
        for (name, text) in fields {
            let text = text.trim();
            if text.is_empty() {
                proposal.as_object_mut().map(|proposal| proposal.remove(name));
                continue;
            }
            let number: Option<serde_json::Number> = serde_json::from_str(text).ok();
            let number = number.ok_or_else(|| {
                Refusal::meaning(
                    format!("proposal.{name}"),
                    format!("`{name}` must be a number such as 65.50"),
                )
            })?;
            proposal[name] = Value::Number(number);
        }
        if proposal.as_object().is_some_and(Map::is_empty) {
            members.remove("proposal");
        }
        let revised = Value::Object(members);
        let asked = serde_json::from_value(revised.clone());
        let asked = asked
            .map_err(|_| Refusal::meaning("proposal.boostConnects", "Connects must be whole numbers"))?;
        Draft::parse(asked)?;
        Ok(revised.to_string())
    }
}

pub(super) async fn form(
    Shared(app): Shared<Arc<App>>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    member.may(Role::Approver)?;
    let id = named(&id)?;
    let request = waiting(&app, &member, &id).await?;
    let shell = member.shell(Section::Approvals);
    Ok(page(&Page { shell, id, form: Form::of(&request), refusal: None }))
}

pub(super) async fn edit(
    Shared(app): Shared<Arc<App>>,
    member: Member,
    Path(id): Path<String>,
    Fields(form): Fields<Form>,
) -> Result<Response, Refused> {
    member.may(Role::Approver)?;
    let id = named(&id)?;
    let request = waiting(&app, &member, &id).await?;
    let revised = match form.put_into(&request) {
        Ok(revised) => revised,
        Err(refusal) => {
            let shell = member.shell(Section::Approvals);
            let page = Page { shell, id, form, refusal: Some(refusal) };
            return Ok(page_as(StatusCode::UNPROCESSABLE_ENTITY, &page));
        }
    };
    let (account, wanted, name, timing) = (member.account(), id.clone(), member.0.name.clone(), app.timing);
    let done = app
        .store
        .write(move |tx| revise::revise(tx, &account, &wanted, &form.seen, &revised, &name, &timing))
        .await?;
    let says = match done {
        Revised::Revised(application) => {
            app.news.publish(&application);
            app.wakes.wake(&application.account);
            return Ok(Redirect::to(&format!("/dashboard/approvals/{id}")).into_response());
        }
        Revised::Same => return Ok(Redirect::to(&format!("/dashboard/approvals/{id}")).into_response()),
        Revised::Unknown => return Err(Refused::NoSuchPage),
        Revised::Changed => {
            "Nothing was changed: somebody else has changed it since you opened the form. Open it anew."
        }
        Revised::BeingShown => "Nothing was changed: a preview of it is being made. Try again in a minute.",
        Revised::Past(_) => "Nothing was changed: it does not wait for a person any more.",
    };
    Err(Refused::TooLate(says.to_owned()))
}

/// The request of an application that can be changed.
async fn waiting(app: &App, member: &Member, id: &QueueId) -> Result<String, Refused> {
    let (account, wanted) = (member.account(), id.clone());
    let found = app
        .store
        .read(move |tx| {
            let found = application::load(tx, &wanted)?.filter(|found| found.account == account);
            let Some(found) = found else { return Ok::<_, Error>(None) };
            Ok(application::request(tx, &wanted)?.map(|request| (found.progress.state, request)))
        })
        .await?;
    match found.ok_or(Refused::NoSuchPage)? {
        (State::AwaitingApproval, request) => Ok(request),
        _ => Err(Refused::TooLate("It does not wait for a person any more.".to_owned())),
    }
}

impl Page {
    fn wrong_at(&self, field: &str) -> Option<&str> {
        self.refusal.as_ref().filter(|refusal| refusal.field == field).map(|refusal| refusal.message.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &str = r#"{"jobId":"~022000000000000000001","coverLetter":"Hello","proposal":{"hourlyRate":65.5,"timeline":"Less than 1 month"},"unknown":1}"#;

    #[test]
    fn what_was_not_changed_stays_as_it_was() {
        let form = Form::of(REQUEST);
        assert_eq!(
            (form.letter.as_str(), form.hourly_rate.as_str(), form.max_connects.as_str()),
            ("Hello", "65.5", "")
        );
        let same: Value = serde_json::from_str(&form.put_into(REQUEST).unwrap()).unwrap();
        assert_eq!(same, serde_json::from_str::<Value>(REQUEST).unwrap());
    }

    #[test]
    fn what_was_changed_is_judged_as_a_callers_is() {
        let form = Form {
            letter: "Two\r\nlines".into(),
            hourly_rate: String::new(),
            max_connects: "20".into(),
            ..Form::of(REQUEST)
        };
        let changed: Value = serde_json::from_str(&form.put_into(REQUEST).unwrap()).unwrap();
        assert_eq!(changed["coverLetter"], "Two\nlines");
        assert_eq!(changed["proposal"], json!({"timeline": "Less than 1 month", "maxConnects": 20}));
        assert_eq!((&changed["jobId"], &changed["unknown"]), (&json!("~022000000000000000001"), &json!(1)));
        let refused = |form: Form| form.put_into(REQUEST).unwrap_err().field;
        assert_eq!(refused(Form { letter: " ".into(), ..form.clone() }), "coverLetter");
        assert_eq!(refused(Form { hourly_rate: "a lot".into(), ..form.clone() }), "proposal.hourlyRate");
        assert_eq!(refused(Form { boost_connects: "1.5".into(), ..form }), "proposal.boostConnects");
    }
}
