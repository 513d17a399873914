//! Handlebars templates in strict mode: embedded by default, overridable by a product.

use handlebars::{Context, Handlebars, Helper, HelperResult, Output, RenderContext, RenderErrorReason};
use serde::Serialize;

/// A template that could not be rendered.
#[derive(Debug, thiserror::Error)]
#[error("template {name} can't be rendered")]
pub struct TemplateError {
    /// The template's path under `templates/`.
    pub name: String,
    /// Where and why.
    #[source]
    pub source: Box<handlebars::RenderError>,
}

/// Renders a template.
///
/// A value that the data lacks is an error. Values are written as they are; `{{json value}}` writes
/// a value as JSON (quotes included), so that no text can break out of a document, and
/// `{{sh value}}` as one word for a POSIX shell.
///
/// # Errors
///
/// [`TemplateError`] for a faulty template or data that lacks a value.
pub fn render(name: &str, template: &str, data: &impl Serialize) -> Result<String, TemplateError> {
    render_escaped(name, template, data, handlebars::no_escape)
}

/// Renders a template of a web page: as [`render`] does, but what is written can't become markup.
///
/// # Errors
///
/// [`TemplateError`] for a faulty template or data that lacks a value.
pub fn render_html(name: &str, template: &str, data: &impl Serialize) -> Result<String, TemplateError> {
    render_escaped(name, template, data, handlebars::html_escape)
}

fn render_escaped(name: &str, template: &str, data: &impl Serialize, escape: fn(&str) -> String) -> Result<String, TemplateError> {
    let mut engine = Handlebars::new();
    engine.set_strict_mode(true);
    engine.register_escape_fn(escape);
    engine.register_helper("json", Box::new(json));
    engine.register_helper("sh", Box::new(sh));
    engine.render_template(template, data).map_err(|source| TemplateError { name: name.to_owned(), source: Box::new(source) })
}

/// Writes a text as one word for a POSIX shell.
pub fn shell_quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn json(helper: &Helper, _: &Handlebars, _: &Context, _: &mut RenderContext, out: &mut dyn Output) -> HelperResult {
    let parameter = helper.param(0).filter(|p| !p.is_value_missing()).ok_or(RenderErrorReason::ParamNotFoundForIndex("json", 0))?;
    // Strict mode lets a missing path through as null when it stands in a helper's parameter.
    if parameter.value().is_null() {
        return Err(RenderErrorReason::MissingVariable(parameter.relative_path().cloned()).into());
    }
    out.write(&parameter.value().to_string())?;
    Ok(())
}

fn sh(helper: &Helper, _: &Handlebars, _: &Context, _: &mut RenderContext, out: &mut dyn Output) -> HelperResult {
    let parameter = helper.param(0).ok_or(RenderErrorReason::ParamNotFoundForIndex("sh", 0))?;
    let text = match parameter.value() {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Number(number) => number.to_string(),
        _ => return Err(RenderErrorReason::MissingVariable(parameter.relative_path().cloned()).into()),
    };
    out.write(&shell_quote(&text))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_cannot_break_out_of_json_or_shell() {
        let data = json!({ "text": "a\"b\\c\n</x>", "word": "it's $(x)" });
        assert_eq!(render("t", "{{json text}}", &data).unwrap(), r#""a\"b\\c\n</x>""#);
        assert_eq!(render("t", "{{sh word}}", &data).unwrap(), r"'it'\''s $(x)'");
    }

    #[test]
    fn a_missing_value_is_an_error_everywhere() {
        for template in ["{{missing}}", "{{json missing}}", "{{sh missing}}", "{{#each missing}}{{this}}{{/each}}x{{missing.deeper}}"] {
            assert!(render("t", template, &json!({})).is_err(), "{template}");
        }
    }
}
