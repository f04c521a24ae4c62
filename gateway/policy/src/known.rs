//! Verdicts remembered where they are needed, so that those who ask again and again need not look
//! through all that are kept.
//!
//! Only the cache of verdicts keeps a plan alive; what is remembered here ends with it.

use std::cell::RefCell;
use std::sync::{Arc, Weak};

use sql::Template;

use crate::plan::Plan;
use crate::request::Step;

/// How many templates are kept.
const TEMPLATES: usize = 64;

/// A text, with the permits found for it last.
#[derive(Debug)]
pub struct KnownText {
    text: Arc<str>,
    preparing: RefCell<Option<Found>>,
    executing: RefCell<Option<Found>>,
}

/// What was found for sessions of a class.
#[derive(Debug)]
struct Found {
    class: u64,
    plan: Weak<Plan>,
}

impl KnownText {
    /// A text for which nothing was found yet.
    pub fn new(text: Arc<str>) -> KnownText {
        KnownText {
            text,
            preparing: RefCell::default(),
            executing: RefCell::default(),
        }
    }

    /// The text.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    pub(crate) fn find(&self, class: u64, step: Step) -> Option<Arc<Plan>> {
        let found = self.found(step).borrow();
        let found = found.as_ref().filter(|found| found.class == class)?;
        found.plan.upgrade()
    }

    pub(crate) fn remember(&self, class: u64, step: Step, plan: &Arc<Plan>) {
        let plan = Arc::downgrade(plan);
        *self.found(step).borrow_mut() = Some(Found { class, plan });
    }

    fn found(&self, step: Step) -> &RefCell<Option<Found>> {
        if step.executes() {
            &self.executing
        } else {
            &self.preparing
        }
    }
}

/// Shapes of simple queries for which a permit was found, each in the place that its beginning gives.
#[derive(Debug, Default)]
pub(crate) struct Templates {
    /// Empty, or all places.
    places: Vec<Option<(Template, Found)>>,
}

impl Templates {
    /// The plan kept for the shape of a text. The verdict on a shape holds for all its texts.
    pub(crate) fn find(&self, class: u64, text: &str) -> Option<Arc<Plan>> {
        let (template, found) = self.places.get(place(text))?.as_ref()?;
        if found.class == class && template.fits(text) {
            found.plan.upgrade()
        } else {
            None
        }
    }

    pub(crate) fn keep(&mut self, class: u64, text: &str, shape: &[u8], plan: &Arc<Plan>) {
        if self.places.is_empty() {
            self.places.resize_with(TEMPLATES, || None);
        }
        let plan = Arc::downgrade(plan);
        let template = Template::new(shape);
        self.places[place(text)] = template.map(|template| (template, Found { class, plan }));
    }

    pub(crate) fn clear(&mut self) {
        self.places = Vec::new();
    }
}

/// Texts that begin alike share a place.
fn place(text: &str) -> usize {
    const BEGINNING: usize = 24;
    let begins = &text.as_bytes()[..BEGINNING.min(text.len())];
    let mixed = begins.chunks(8).fold(0_u64, |mixed, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        (mixed ^ u64::from_le_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    });
    (mixed >> 32) as usize % TEMPLATES
}
