//! The rules of the bench as the user changes them: what the engine must know then, and what is wrong with them.
//!
//! It never answers anything; that is the engine's.

use super::Ui;

impl Ui {
    /// Has the engine know the rules as they are now; to be called when anything changed that a rule depends on.
    pub(in crate::ui) fn settle_rules(&mut self) {
        self.bench.settle_rules(&mut self.effects);
        self.tell_of_wrong_rules();
    }

    /// Says which rules can't be applied, and why.
    pub(in crate::ui) fn tell_of_wrong_rules(&mut self) {
        let wrong = self.bench.wrong_rules().join("; ");
        if !wrong.is_empty() {
            self.tell_error(format!("Not applied: {wrong}."));
        }
    }
}
