//! What a person sees before deciding.

use applyd_core::ids::{QueueId, ShowingId};
use applyd_core::terms::Price;
use applyd_store::approval::{About, Shown};
use applyd_store::letter::Origin;
use serde_json::{Value, json};

use crate::output;

/// Where people find a job by its ciphertext.
const JOBS: &str = "https://www.upwork.com/jobs/";

/// Everything that an approval is bound to, and what it costs.
pub(super) fn sheet(
    id: &QueueId,
    showing: &ShowingId,
    shown: &Shown,
    about: &About,
    origin: &Origin,
) -> Value {
    let (terms, cost) = (&shown.terms, shown.cost);
    let price = match &terms.price {
        Price::Absent => Value::Null,
        Price::Hourly(rate) => json!({"hourlyRate": rate.to_json()}),
        Price::Fixed { total, milestones } => {
            let milestones: Vec<Value> = milestones
                .iter()
                .map(|part| {
                    json!({"description": part.description, "amount": part.amount.to_json(), "dueDate": part.due_date})
                })
                .collect();
            json!({"fixedPrice": total.to_json(), "milestones": milestones})
        }
    };
    let (profile_id, profile) = about.profile.clone().unzip();
    json!({
        "queueId": id.as_str(), "account": about.account, "jobId": about.job.as_str(),
        "jobUrl": format!("{JOBS}{}", about.job), "title": about.title, "freelancer": about.freelancer,
        "showingId": showing.as_str(), "sha256": shown.sha256, "previewId": shown.preview_id,
        "openUntil": about.open_until,
        "connects": {"cost": cost.base, "boost": cost.boost, "total": cost.total(), "max": terms.max_connects,
                     "balance": shown.balance_connects},
        "profileId": profile_id, "profile": profile, "price": price, "timeline": terms.timeline,
        "coverLetter": terms.cover_letter, "answers": terms.answers, "remarks": shown.remarks,
        "letterGenerated": origin.model.is_some(), "letterModel": origin.model,
        "letterSentWith": origin.sent_with.as_ref().map(QueueId::as_str),
    })
}

/// The same for people.
pub(super) fn text(sheet: &Value) -> String {
    let (connects, of) = (&sheet["connects"], |member: &str| output::shown(&sheet[member]));
    let until = sheet["openUntil"].as_i64().map(applyd_core::time::iso).unwrap_or_default();
    let mut text = format!(
        "application  {}\naccount      {}\njob          {}\n             {}\nfreelancer   {}\nprofile      {} ({})\nprice        {}\n\
         timeline     {}\nConnects     {} + {} boost = {} of {}\nopen until   {until}\nshowing      {}\n\n{}\n",
        of("queueId"),
        of("account"),
        of("title"),
        of("jobUrl"),
        of("freelancer"),
        of("profile"),
        of("profileId"),
        output::visible(&sheet["price"].to_string()),
        of("timeline"),
        connects["cost"],
        connects["boost"],
        connects["total"],
        connects["balance"],
        of("showingId"),
        of("coverLetter"),
    );
    let hidden = output::hidden(sheet["coverLetter"].as_str().unwrap_or_default());
    if hidden > 0 {
        text.push_str(&format!("\nnote: the letter has {hidden} invisible characters, written out here\n"));
    }
    for answer in sheet["answers"].as_array().into_iter().flatten() {
        let (question, answer) = (output::shown(&answer["question"]), output::shown(&answer["answer"]));
        text.push_str(&format!("\n? {question}\n> {answer}\n"));
    }
    for remark in sheet["remarks"].as_array().into_iter().flatten() {
        text.push_str(&format!("\nnote: {}", output::shown(remark)));
    }
    text.trim_end().to_owned()
}
