//! What the names of a program stand for: assignments, functions, classes, and the defaults that arguments,
//! settings and parameters have.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::tree::{Call, Class, Expr, Function, Stmt, StmtKind};
use super::walk::{self, Within, name_of};

/// What a name stands for.
#[derive(Clone, Debug)]
pub(crate) enum Bound {
    Value(Expr),
    /// Every value of this in turn.
    Each,
    Default(Usual),
    Function(Rc<Function>),
    Class,
    /// A parameter that nothing says anything of.
    Parameter,
}

/// A value that holds unless somebody gives another.
#[derive(Clone, Debug)]
pub(crate) struct Usual {
    pub value: Expr,
    pub line: usize,
    /// What it is the default of.
    of: String,
}

impl Usual {
    /// What it is, where it is used under this name.
    pub fn sentence(&self, name: &str) -> String {
        format!("{name} was taken as {}: {} (line {})", self.value.shown(), self.of, self.line)
    }
}

#[derive(Clone, Debug)]
struct Binding {
    bound: Bound,
    line: usize,
    /// The function it is in, by its place in `scopes`.
    scope: Option<usize>,
}

#[derive(Debug, Default)]
pub(super) struct Names {
    bindings: HashMap<String, Vec<Binding>>,
    /// Lines from the first to the last of each function.
    scopes: Vec<(usize, usize)>,
    /// Functions outside classes, and the names of those in them.
    pub functions: HashMap<String, Rc<Function>>,
    pub methods: BTreeSet<String>,
    pub classes: HashMap<String, Rc<Class>>,
    /// Defaults by the last part of the name they are used under.
    defaults: HashMap<String, Bound>,
    /// What the fields of a class start as, by class and name.
    fields: HashMap<(String, String), Bound>,
    pub imports: BTreeMap<String, String>,
}

/// Names that settings are kept under: what they hold may be the default of an argument.
const HOLDERS: [&str; 22] = [
    "args",
    "opt",
    "opts",
    "options",
    "config",
    "cfg",
    "conf",
    "c",
    "hparams",
    "hps",
    "hp",
    "params",
    "flags",
    "FLAGS",
    "settings",
    "training_args",
    "cli",
    "self",
    "hyp",
    "hyperparameters",
    "p",
    "CONFIG",
];

impl Names {
    pub fn of(body: &[Stmt]) -> Self {
        let mut names = Self::default();
        let mut scope_of: HashMap<usize, usize> = HashMap::new();
        walk::statements(body, &mut Vec::new(), &mut |stmt, within| {
            let def = within.iter().rev().find_map(|frame| match frame {
                Within::Def(function) => Some(*function),
                _ => None,
            });
            let scope = def.and_then(|def| scope_of.get(&std::ptr::from_ref(def).addr()).copied());
            let class = match within.last() {
                Some(Within::Class(class)) => Some(*class),
                _ => None,
            };
            names.statement(stmt, scope, class);
            if let StmtKind::Def(function) = &stmt.kind {
                let own = names.scopes.len();
                names.scopes.push((function.line, last_line(&function.body).max(function.line)));
                scope_of.insert(Rc::as_ptr(function).addr(), own);
                for parameter in &function.parameters {
                    let bound = match &parameter.default {
                        Some(value) => Bound::Default(Usual {
                            value: value.clone(),
                            line: function.line,
                            of: format!("the default of {}()", function.name),
                        }),
                        None => Bound::Parameter,
                    };
                    names.bind(&parameter.name, bound, function.line, Some(own));
                }
            }
        });
        names.arguments_of_calls(body);
        names.hyperparameters(body);
        for site in walk::sites(body) {
            names.declared(site.call);
        }
        names
    }

    fn bind(&mut self, name: &str, bound: Bound, line: usize, scope: Option<usize>) {
        self.bindings.entry(name.to_owned()).or_default().push(Binding { bound, line, scope });
    }

    fn statement(&mut self, stmt: &Stmt, scope: Option<usize>, class: Option<&Class>) {
        let line = stmt.line;
        match &stmt.kind {
            StmtKind::Assign(targets, value) => {
                for target in targets {
                    self.assign(target, value, line, scope, class);
                }
            }
            StmtKind::Update(target, operator, value) => {
                if let Some(name) = name_of(target) {
                    let sides = Box::new((target.clone(), value.clone()));
                    self.bind(name, Bound::Value(Expr::Binary(operator, sides)), line, scope);
                }
            }
            StmtKind::For { target, .. } => match target {
                Expr::Name(name) => self.bind(name, Bound::Each, line, scope),
                Expr::List(parts) => {
                    for name in parts.iter().filter_map(name_of) {
                        self.bind(name, Bound::Each, line, scope);
                    }
                }
                _ => {}
            },
            StmtKind::Def(function) => {
                if class.is_some() {
                    self.methods.insert(function.name.clone());
                } else {
                    self.functions.entry(function.name.clone()).or_insert_with(|| Rc::clone(function));
                    self.bind(&function.name, Bound::Function(Rc::clone(function)), line, scope);
                }
            }
            StmtKind::Class(found) => {
                self.classes.entry(found.name.clone()).or_insert_with(|| Rc::clone(found));
                self.bind(&found.name, Bound::Class, line, scope);
            }
            StmtKind::Import(imports) => {
                self.imports.extend(imports.iter().map(|(whole, name)| (name.clone(), whole.clone())));
            }
            _ => {}
        }
    }

    fn assign(
        &mut self,
        target: &Expr,
        value: &Expr,
        line: usize,
        scope: Option<usize>,
        class: Option<&Class>,
    ) {
        match (target, value) {
            (Expr::List(names), Expr::List(values)) if names.len() == values.len() => {
                for (name, value) in names.iter().zip(values) {
                    self.assign(name, value, line, scope, class);
                }
            }
            (Expr::Name(name), value) => {
                if let Some(class) = class {
                    let of = format!("the field of {}", class.name);
                    let default = Bound::Default(Usual { value: field(value).clone(), line, of });
                    self.defaults.entry(name.clone()).or_insert_with(|| default.clone());
                    self.fields.insert((class.name.clone(), name.clone()), default);
                } else {
                    self.bind(name, Bound::Value(value.clone()), line, scope);
                    if let Expr::Table(pairs) = value {
                        self.entries(name, pairs);
                    }
                    self.settings(name, value);
                }
            }
            (Expr::Index(index), value) => {
                // `config["lr"] = 0.1`.
                if let (Expr::Name(name), Expr::Text(key)) = &**index {
                    self.bind(&format!("{name}.{key}"), Bound::Value(value.clone()), line, scope);
                }
            }
            _ => {}
        }
    }

    /// The entries of a table, also under the table's name: `config["lr"]` or `config.lr`.
    fn entries(&mut self, name: &str, pairs: &[super::Pair]) {
        for pair in pairs {
            if let Expr::Text(key) = &pair.key {
                let of = format!("{name}'s entry");
                let default = Bound::Default(Usual { value: pair.value.clone(), line: pair.line, of });
                self.fields.insert((name.to_owned(), key.clone()), default);
            }
        }
    }

    /// `config = dict(lr=0.1)`, `config = Namespace(lr=0.1)`.
    fn settings(&mut self, name: &str, value: &Expr) {
        let Expr::Call(call) = value else { return };
        let holds =
            ["dict", "Namespace", "SimpleNamespace", "EasyDict", "AttrDict", "ConfigDict", "edict", "Munch"];
        if !holds.contains(&call.name.as_str()) && !self.classes.contains_key(&call.name) {
            return;
        }
        for (key, value) in &call.named {
            let of = format!("{name}'s entry");
            let default = Bound::Default(Usual { value: value.clone(), line: call.line, of });
            self.fields.insert((name.to_owned(), key.clone()), default);
        }
        if let Some(Expr::Table(pairs)) = call.arguments.first() {
            self.entries(name, pairs);
        }
    }

    /// What a call declares: arguments of a command line and their defaults.
    fn declared(&mut self, call: &Call) {
        let (names, value): (Vec<&Expr>, Option<&Expr>) = match call.name.as_str() {
            "add_argument" | "option" | "Option" | "add_option" => {
                (call.arguments.iter().collect(), call.argument("default", usize::MAX))
            }
            "DEFINE_float" | "DEFINE_integer" | "DEFINE_string" | "DEFINE_bool" | "DEFINE_boolean"
            | "DEFINE_list" | "DEFINE_enum" => {
                (call.arguments.first().into_iter().collect(), call.argument("default", 1))
            }
            _ => return,
        };
        // A flag without a value: what it is where nobody gives it.
        let switched = match (value, call.argument("action", usize::MAX)) {
            (None, Some(Expr::Text(action))) if action == "store_true" => Some(Expr::Flag(false)),
            (None, Some(Expr::Text(action))) if action == "store_false" => Some(Expr::Flag(true)),
            _ => None,
        };
        let Some(value) = value.or(switched.as_ref()) else { return };
        let texts = names.iter().filter_map(|name| match name {
            Expr::Text(text) => Some(text.as_str()),
            _ => None,
        });
        let dest = match call.argument("dest", usize::MAX) {
            Some(Expr::Text(dest)) => Some(dest.clone()),
            _ => None,
        };
        let flags: Vec<&str> = texts.collect();
        for flag in &flags {
            let plain = flag.trim_start_matches('-').replace('-', "_");
            let of = format!("the default of the argument {flag}");
            let default = Bound::Default(Usual { value: value.clone(), line: call.line, of });
            self.defaults.insert(plain, default.clone());
            if let Some(dest) = &dest {
                self.defaults.insert(dest.clone(), default);
            }
        }
    }

    /// What Lightning keeps of its constructors' parameters: `self.hparams.lr` has their defaults.
    fn hyperparameters(&mut self, body: &[Stmt]) {
        if !walk::sites(body).iter().any(|site| site.call.name == "save_hyperparameters") {
            return;
        }
        let classes: Vec<Rc<Class>> = self.classes.values().cloned().collect();
        for class in classes {
            let Some(constructor) = constructor(&class) else { continue };
            for parameter in &constructor.parameters {
                if let Some(value) = &parameter.default {
                    let of = format!("the default of {}'s constructor", class.name);
                    let usual = Usual { value: value.clone(), line: constructor.line, of };
                    self.defaults.entry(parameter.name.clone()).or_insert(Bound::Default(usual));
                }
            }
        }
    }

    /// Parameters without a default, from the only call of their function that gives them.
    fn arguments_of_calls(&mut self, body: &[Stmt]) {
        let mut given: HashMap<(String, String), Vec<(Expr, usize)>> = HashMap::new();
        for site in walk::sites(body) {
            let call = site.call;
            let (function, skip) = match (self.functions.get(&call.name), self.classes.get(&call.name)) {
                (_, Some(class)) => match constructor(class) {
                    Some(function) => (Rc::clone(function), 1),
                    None => continue,
                },
                (Some(function), None) => {
                    let is_method = function.parameters.first().is_some_and(|first| first.name == "self");
                    (Rc::clone(function), usize::from(is_method))
                }
                _ => continue,
            };
            let places = function.parameters.iter().skip(skip);
            for (parameter, value) in places.zip(&call.arguments) {
                let key = (function.line.to_string(), parameter.name.clone());
                given.entry(key).or_default().push((value.clone(), call.line));
            }
            for (name, value) in &call.named {
                let key = (function.line.to_string(), name.clone());
                given.entry(key).or_default().push((value.clone(), call.line));
            }
        }
        let is_outside = |bindings: &Vec<Binding>| bindings.iter().any(|binding| binding.scope.is_none());
        let outside: BTreeSet<String> = self
            .bindings
            .iter()
            .filter(|(_, bindings)| is_outside(bindings))
            .map(|(name, _)| name.clone())
            .collect();
        for (name, bindings) in &mut self.bindings {
            for binding in bindings {
                let is_parameter =
                    matches!(binding.bound, Bound::Parameter | Bound::Default(_)) && binding.scope.is_some();
                if !is_parameter {
                    continue;
                }
                let Some(found) = given.get(&(binding.line.to_string(), name.clone())) else { continue };
                // Calls that differ say nothing, and neither does a function that hands on its own parameter.
                let is_own = |line: usize| {
                    let scope = binding.scope.and_then(|scope| self.scopes.get(scope));
                    scope.is_some_and(|(from, to)| (*from..=*to).contains(&line))
                };
                if let [(value, line), rest @ ..] = found.as_slice()
                    && rest.iter().all(|(other, _)| other == value)
                    && !matches!(value, Expr::Unknown(_))
                    && (*value != Expr::Name(name.clone()) || outside.contains(name) && !is_own(*line))
                {
                    let of = "what the call gives".to_owned();
                    binding.bound = Bound::Default(Usual { value: value.clone(), line: *line, of });
                }
            }
        }
    }

    /// What a name stands for where it is used on a line: within the function around it, then outside all
    /// functions, then anywhere; a name with dots may be a setting with a default.
    pub fn bound(&self, name: &str, line: usize) -> Option<(&Bound, usize)> {
        self.assigned(name, line).or_else(|| self.setting(name, line))
    }

    fn assigned(&self, name: &str, line: usize) -> Option<(&Bound, usize)> {
        let bindings = self.bindings.get(name)?;
        let holds =
            |scope: usize| self.scopes.get(scope).is_some_and(|(from, to)| (*from..=*to).contains(&line));
        let inside = bindings.iter().filter(|binding| binding.scope.is_some_and(holds));
        let nearest = last_before(inside, line);
        let outside = || {
            // Inside a function everything outside has been said by the time it is called.
            let is_inside = self.scopes.iter().any(|(from, to)| (*from..=*to).contains(&line));
            let until = if is_inside { usize::MAX } else { line };
            last_before(bindings.iter().filter(|binding| binding.scope.is_none()), until)
        };
        let anywhere = || {
            // A local of another function is another name, but for attributes.
            let elsewhere = bindings.iter().filter(|_| name.contains('.') || line == usize::MAX);
            last_before(elsewhere, usize::MAX)
        };
        let found = nearest.or_else(outside).or_else(anywhere)?;
        Some((&found.bound, found.line))
    }

    /// A setting such as `args.lr`, by its last part.
    fn setting(&self, name: &str, line: usize) -> Option<(&Bound, usize)> {
        let (holder, field) = name.rsplit_once('.')?;
        let owner = match self.assigned(holder, line) {
            Some((Bound::Value(Expr::Call(call)), _)) => Some(call.name.clone()),
            _ => None,
        };
        let own = [Some(holder.to_owned()), owner]
            .into_iter()
            .flatten()
            .find_map(|owner| self.fields.get(&(owner, field.to_owned())));
        let last = holder.rsplit('.').next().unwrap_or(holder);
        let is_holder = HOLDERS.contains(&last)
            || self.classes.contains_key(holder)
            || ["args", "config", "cfg", "params", "opt"]
                .iter()
                .any(|end| last.to_lowercase().ends_with(end));
        let bound = own.or_else(|| self.defaults.get(field).filter(|_| is_holder))?;
        match bound {
            Bound::Default(default) => Some((bound, default.line)),
            _ => None,
        }
    }
}

/// The last that is said before this line, or else the first that is said at all.
fn last_before<'b>(bindings: impl Iterator<Item = &'b Binding>, line: usize) -> Option<&'b Binding> {
    let mut first = None;
    let mut last = None;
    for binding in bindings {
        first = first.or(Some(binding));
        if binding.line < line {
            last = Some(binding);
        }
    }
    last.or(first)
}

fn constructor(class: &Class) -> Option<&Rc<Function>> {
    class.body.iter().find_map(|stmt| match &stmt.kind {
        StmtKind::Def(function) if function.name == "__init__" => Some(function),
        _ => None,
    })
}

/// The value of a field: the `default` of a `field(...)`.
fn field(value: &Expr) -> &Expr {
    match value {
        Expr::Call(call) if matches!(call.name.as_str(), "field" | "Field") => {
            call.argument("default", 0).unwrap_or(value)
        }
        other => other,
    }
}

fn last_line(body: &[Stmt]) -> usize {
    body.iter()
        .map(|stmt| {
            let inner = match &stmt.kind {
                StmtKind::If(branches, otherwise) => {
                    let most = branches.iter().map(|(_, body)| last_line(body)).max().unwrap_or(0);
                    most.max(last_line(otherwise))
                }
                StmtKind::For { body, otherwise, .. } => last_line(body).max(last_line(otherwise)),
                StmtKind::While { body, .. } | StmtKind::Block(body) | StmtKind::Failing(body) => {
                    last_line(body)
                }
                StmtKind::Def(function) => last_line(&function.body),
                StmtKind::Class(class) => last_line(&class.body),
                _ => 0,
            };
            inner.max(stmt.line)
        })
        .max()
        .unwrap_or(0)
}
