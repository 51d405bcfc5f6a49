//! Exports: what each framework really does, and the texts that say it.

mod golden;
