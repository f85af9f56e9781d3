//! What a person sees before deciding.

use applyd_core::ids::QueueId;
use applyd_core::terms::Price;
use applyd_store::approval::Shown;
use applyd_store::letter::Origin;
use serde_json::{Value, json};

use crate::output;

/// Everything that an approval is bound to, and what it costs.
pub(super) fn sheet(id: &QueueId, shown: &Shown, origin: &Origin) -> Value {
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
    json!({
        "queueId": id.as_str(), "sha256": shown.sha256, "previewId": shown.preview_id,
        "connects": {"cost": cost.base, "boost": cost.boost, "total": cost.total(), "max": terms.max_connects,
                     "balance": shown.balance_connects},
        "profileId": terms.profile_id, "price": price, "timeline": terms.timeline,
        "coverLetter": terms.cover_letter, "answers": terms.answers, "remarks": shown.remarks,
        "letterGenerated": origin.model.is_some(), "letterModel": origin.model,
        "letterSentWith": origin.sent_with.as_ref().map(QueueId::as_str),
    })
}

/// The same for people.
pub(super) fn text(sheet: &Value) -> String {
    let connects = &sheet["connects"];
    let mut text = format!(
        "application  {}\nprofile      {}\nprice        {}\ntimeline     {}\nConnects     {} + {} boost = {} of {}\nhash         {}\n\n{}\n",
        output::shown(&sheet["queueId"]),
        output::shown(&sheet["profileId"]),
        sheet["price"],
        output::shown(&sheet["timeline"]),
        connects["cost"],
        connects["boost"],
        connects["total"],
        connects["balance"],
        output::shown(&sheet["sha256"]),
        output::shown(&sheet["coverLetter"]),
    );
    for answer in sheet["answers"].as_array().into_iter().flatten() {
        let (question, answer) = (output::shown(&answer["question"]), output::shown(&answer["answer"]));
        text.push_str(&format!("\n? {question}\n> {answer}\n"));
    }
    for remark in sheet["remarks"].as_array().into_iter().flatten() {
        text.push_str(&format!("\nnote: {}", output::shown(remark)));
    }
    text.trim_end().to_owned()
}
