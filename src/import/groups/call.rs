//! Calls: of the program's functions, of what models have, and of Python's lists, tables and texts.

use std::rc::Rc;

use super::super::python::{Call, Function, StmtKind};
use super::eval::{Done, Eval, MAX_ITEMS, Stop};
use super::known;
use super::value::Value;

type Named = Vec<(String, Value)>;

impl Eval<'_> {
    pub fn called(&mut self, call: &Call, line: usize) -> Done<Value> {
        if std::ptr::eq(call, self.target) {
            let first = call.argument("params", 0).or_else(|| call.argument("model_or_params", 0));
            self.captured = match first {
                Some(first) => Some(self.eval(first, line)?),
                None => None,
            };
            return Err(Stop::Found);
        }
        self.burn(5)?;
        let mut arguments = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            arguments.push(self.eval(argument, line)?);
        }
        let mut named = Vec::with_capacity(call.named.len());
        for (name, value) in &call.named {
            named.push((name.clone(), self.eval(value, line)?));
        }
        if let Some(of) = &call.callee {
            let holder = self.eval(of, line)?;
            if call.name.is_empty() {
                return match holder {
                    Value::Function(function) => self.apply(&function, arguments, named),
                    _ => Ok(Value::Unknown),
                };
            }
            return self.method(&holder, &of.shown(), &call.name, arguments, &named);
        }
        if let Some((holder, method)) = call.path.rsplit_once('.') {
            let value = self.name(holder, line)?;
            if let Value::Path(path) = &value
                && path
                    .rsplit('.')
                    .next()
                    .is_some_and(|last| last == "self" || self.program.class(last).is_some())
                && let Some(function) = self.own_method(method)
            {
                let this = [Value::Path(holder.into())];
                let with_self = function.parameters.first().is_some_and(|first| first.name == "self");
                let all = this.into_iter().filter(|_| with_self).chain(arguments).collect();
                return self.apply(&function, all, named);
            }
            return self.method(&value, holder, method, arguments, &named);
        }
        if let Value::Function(function) = self.name(&call.path, line)? {
            return self.apply(&function, arguments, named);
        }
        self.built_in(&call.name, &arguments, &named)
    }

    /// A method of a class of the program.
    fn own_method(&self, name: &str) -> Option<Rc<Function>> {
        let mut found = None;
        self.program.visit(&mut |stmt, _| {
            if let StmtKind::Class(class) = &stmt.kind {
                let own = class.body.iter().find_map(|stmt| match &stmt.kind {
                    StmtKind::Def(function) if function.name == name => Some(Rc::clone(function)),
                    _ => None,
                });
                found = found.take().or(own);
            }
        });
        found
    }

    fn method(
        &mut self,
        holder: &Value,
        shown: &str,
        name: &str,
        arguments: Vec<Value>,
        named: &Named,
    ) -> Done<Value> {
        let first = arguments.first();
        Ok(match (holder, name) {
            (
                Value::Path(_) | Value::Unknown,
                "parameters" | "named_parameters" | "modules" | "named_modules" | "children"
                | "named_children" | "requires_grad_",
            ) => {
                let path = match holder {
                    Value::Path(path) => path.to_string(),
                    _ => shown.to_owned(),
                };
                self.of_module(&path, name, first, named)
            }
            (Value::Parameter(_), "requires_grad_") => {
                self.freeze(holder, first.unwrap_or(&Value::Flag(true)));
                holder.clone()
            }
            (Value::Parameter(at), "dim" | "ndimension") => Value::Number(self.dimensions(*at)),
            (Value::Parameter(at), "size") => {
                Value::list(vec![Value::Number(8.0); self.dimensions(*at) as usize])
            }
            (Value::List(items), "append" | "add") => {
                let is_new = |item: &Value| {
                    name == "append" || !items.borrow().iter().any(|known| known.equals(item) == Some(true))
                };
                if let Some(item) = first.filter(|item| is_new(item))
                    && items.borrow().len() < MAX_ITEMS
                {
                    items.borrow_mut().push(item.clone());
                }
                Value::None
            }
            (Value::List(items), "extend" | "update") => {
                let more = first.and_then(Value::items).unwrap_or_default();
                if items.borrow().len() + more.len() < MAX_ITEMS {
                    items.borrow_mut().extend(more);
                }
                Value::None
            }
            (Value::List(items), "union") => {
                let mut all = items.borrow().clone();
                all.extend(first.and_then(Value::items).unwrap_or_default());
                Value::list(all)
            }
            (Value::List(items), "copy") => Value::list(items.borrow().clone()),
            (Value::List(items), "reverse") => {
                items.borrow_mut().reverse();
                Value::None
            }
            (Value::Table(pairs), "items") => Value::list(
                pairs.borrow().iter().map(|(key, value)| pair(key.clone(), value.clone())).collect(),
            ),
            (Value::Table(pairs), "keys") => {
                Value::list(pairs.borrow().iter().map(|(key, _)| key.clone()).collect())
            }
            (Value::Table(pairs), "values") => {
                Value::list(pairs.borrow().iter().map(|(_, value)| value.clone()).collect())
            }
            (Value::Table(pairs), "get" | "setdefault" | "pop") => {
                let otherwise = arguments.get(1).cloned().unwrap_or(Value::None);
                let Some(key) = first else { return Ok(Value::Unknown) };
                let found = pairs.borrow().iter().find(|(found, _)| found.equals(key) == Some(true)).cloned();
                if found.is_none() && name == "setdefault" {
                    pairs.borrow_mut().push((key.clone(), otherwise.clone()));
                }
                found.map_or(otherwise, |(_, value)| value)
            }
            (Value::Table(pairs), "update") => {
                if let Some(Value::Table(more)) = first {
                    let more = more.borrow().clone();
                    pairs.borrow_mut().extend(more);
                }
                Value::None
            }
            (Value::Text(text), _) => of_text(text, name, &arguments),
            _ => self.built_in(name, &arguments, named)?,
        })
    }

    /// What a module gives of itself.
    fn of_module(&mut self, path: &str, name: &str, first: Option<&Value>, named: &Named) -> Value {
        let Some(below) = self.model.below(path) else {
            return match name {
                "parameters" => Value::list(vec![Value::Other(path.into())]),
                "named_parameters" => Value::list(vec![pair(Value::text(path), Value::Other(path.into()))]),
                _ => Value::Unknown,
            };
        };
        let direct = named.iter().any(|(name, value)| name == "recurse" && value.truth() == Some(false));
        let name_of = |at: usize| self.model.parameters.get(at).map(|it| it.name.clone()).unwrap_or_default();
        let module: Option<String> = self.model.modules().into_iter().find(|module| *module == path);
        let is_direct = |at: &usize| {
            let owner = name_of(*at).rsplit_once('.').map(|(owner, _)| owner.to_owned());
            !direct || owner == module
        };
        let kept: Vec<usize> = below.iter().copied().filter(is_direct).collect();
        // Within a module a parameter's name begins behind it.
        let local = |at: usize| {
            let name = name_of(at);
            match &module {
                Some(module) => name.strip_prefix(&format!("{module}.")).unwrap_or(&name).to_owned(),
                None => name,
            }
        };
        let within = |it: &String| below.iter().any(|at| name_of(*at).starts_with(&format!("{it}.")));
        match name {
            "parameters" => Value::list(kept.into_iter().map(Value::Parameter).collect()),
            "named_parameters" => Value::list(
                kept.into_iter().map(|at| pair(Value::text(&local(at)), Value::Parameter(at))).collect(),
            ),
            "requires_grad_" => {
                let on = first.cloned().unwrap_or(Value::Flag(true));
                below.iter().for_each(|at| self.freeze(&Value::Parameter(*at), &on));
                Value::Path(path.into())
            }
            "children" | "named_children" => {
                let children = self.model.children(path).unwrap_or_default();
                let one = |child: String| {
                    let value = Value::Path(child.as_str().into());
                    let short = child.rsplit('.').next().unwrap_or(&child).to_owned();
                    if name == "children" { value } else { pair(Value::text(&short), value) }
                };
                Value::list(children.into_iter().map(one).collect())
            }
            _ => {
                let modules = self.model.modules().into_iter().filter(within);
                let one = |module: String| {
                    let value = Value::Path(module.as_str().into());
                    if name == "modules" { value } else { pair(Value::text(&module), value) }
                };
                let whole = (name == "named_modules").then(|| pair(Value::text(""), Value::Path("".into())));
                Value::list(whole.into_iter().chain(modules.map(one)).collect())
            }
        }
    }

    fn built_in(&mut self, name: &str, arguments: &[Value], named: &Named) -> Done<Value> {
        let first = arguments.first();
        let items = first.and_then(|value| self.each_of(value));
        if let Some(items) = &items {
            self.burn(items.len())?;
        }
        let number = |at: usize| arguments.get(at).and_then(Value::number);
        if let Some(value) = known::call(self.model, name, arguments, named) {
            return Ok(value);
        }
        Ok(match (name, items) {
            ("len", Some(items)) => Value::Number(items.len() as f64),
            ("len", None) => match first {
                Some(Value::Text(text)) => Value::Number(text.chars().count() as f64),
                _ => Value::Unknown,
            },
            ("list" | "tuple" | "set" | "frozenset" | "iter", Some(items)) => {
                let mut kept: Vec<Value> = Vec::with_capacity(items.len());
                let is_set = name.ends_with("set");
                for item in items {
                    if !is_set || !kept.iter().any(|known| known.equals(&item) == Some(true)) {
                        kept.push(item);
                    }
                }
                Value::list(kept)
            }
            ("list" | "tuple" | "set" | "frozenset", None) if arguments.is_empty() => Value::list(Vec::new()),
            ("sorted", Some(mut items)) => {
                items.sort_by(|a, b| match (a, b) {
                    (Value::Text(a), Value::Text(b)) => a.cmp(b),
                    (a, b) => a.number().unwrap_or(0.0).total_cmp(&b.number().unwrap_or(0.0)),
                });
                Value::list(items)
            }
            ("reversed", Some(mut items)) => {
                items.reverse();
                Value::list(items)
            }
            ("enumerate", Some(items)) => {
                let start = number(1).unwrap_or(0.0);
                let counted = items.into_iter().enumerate();
                Value::list(counted.map(|(at, item)| pair(Value::Number(start + at as f64), item)).collect())
            }
            ("zip", Some(items)) => {
                let Some(others) = arguments.get(1).and_then(|value| self.each_of(value)) else {
                    return Ok(Value::Unknown);
                };
                Value::list(items.into_iter().zip(others).map(|(a, b)| pair(a, b)).collect())
            }
            ("any" | "all", Some(items)) => {
                let truths: Vec<Option<bool>> = items.iter().map(Value::truth).collect();
                let wanted = name == "any";
                match truths.contains(&Some(wanted)) {
                    true => Value::Flag(wanted),
                    false if truths.contains(&None) => Value::Unknown,
                    false => Value::Flag(!wanted),
                }
            }
            ("dict" | "OrderedDict" | "defaultdict", Some(items)) => {
                let pairs = items.iter().filter_map(|item| match item.items()?.as_slice() {
                    [key, value] => Some((key.clone(), value.clone())),
                    _ => None,
                });
                Value::table(pairs.collect())
            }
            ("dict" | "OrderedDict", None) => {
                Value::table(named.iter().map(|(name, value)| (Value::text(name), value.clone())).collect())
            }
            ("from_iterable" | "sum", Some(lists)) => joined(lists.iter()),
            ("chain", _) => joined(arguments.iter()),
            ("range", _) => {
                let (from, to) = match (number(0), number(1)) {
                    (Some(from), Some(to)) => (from, to),
                    (Some(to), None) => (0.0, to),
                    _ => return Ok(Value::Unknown),
                };
                let step = number(2).unwrap_or(1.0);
                let count = ((to - from) / step).ceil();
                if !(0.0..=MAX_ITEMS as f64).contains(&count) {
                    return Ok(Value::Unknown);
                }
                self.burn(count as usize)?;
                Value::list((0..count as usize).map(|at| Value::Number(from + step * at as f64)).collect())
            }
            ("map", _) if matches!(first, Some(Value::Path(name)) if &**name == "id") => {
                arguments.get(1).cloned().unwrap_or(Value::Unknown)
            }
            ("filter" | "map", _) => {
                let (Some(Value::Function(function)), Some(items)) =
                    (first, arguments.get(1).and_then(|value| self.each_of(value)))
                else {
                    return Ok(Value::Unknown);
                };
                let mut found = Vec::new();
                for item in items {
                    let value = self.apply(function, vec![item.clone()], Vec::new())?;
                    match (name, value.truth()) {
                        ("map", _) => found.push(value),
                        (_, Some(true)) => found.push(item),
                        (_, Some(false)) => {}
                        (_, None) => return Ok(Value::Unknown),
                    }
                }
                Value::list(found)
            }
            ("max" | "min", _) => {
                let all = first.and_then(Value::items).unwrap_or_else(|| arguments.to_vec());
                let numbers: Option<Vec<f64>> = all.iter().map(Value::number).collect();
                let pick = if name == "max" { f64::max } else { f64::min };
                numbers.and_then(|it| it.into_iter().reduce(pick)).map_or(Value::Unknown, Value::Number)
            }
            ("int" | "float", _) => match first {
                Some(Value::Text(text)) => text.trim().parse().map_or(Value::Unknown, Value::Number),
                Some(value) => value
                    .number()
                    .map_or(Value::Unknown, |it| Value::Number(if name == "int" { it.trunc() } else { it })),
                None => Value::Unknown,
            },
            ("str", _) => match first {
                Some(Value::Number(number)) => Value::text(&number.to_string()),
                Some(Value::Text(text)) => Value::Text(Rc::clone(text)),
                _ => Value::Unknown,
            },
            ("isinstance", _) => {
                let Some(Value::Path(module)) = first else { return Ok(Value::Unknown) };
                let classes = match arguments.get(1) {
                    Some(one @ Value::Path(_)) => vec![one.clone()],
                    Some(several) => several.items().unwrap_or_default(),
                    None => Vec::new(),
                };
                let is = |class: &Value| matches!(class, Value::Path(class) if self.model.is_of_class(module, class));
                Value::Flag(classes.iter().any(is))
            }
            ("next", Some(items)) => items.into_iter().next().unwrap_or(Value::Unknown),
            ("id" | "type", _) => first.cloned().unwrap_or(Value::Unknown),
            _ => Value::Unknown,
        })
    }
}

fn pair(a: Value, b: Value) -> Value {
    Value::list(vec![a, b])
}

fn joined<'v>(lists: impl Iterator<Item = &'v Value>) -> Value {
    let mut all = Vec::new();
    for list in lists {
        match list.items() {
            Some(items) if all.len() + items.len() < MAX_ITEMS => all.extend(items),
            _ => return Value::Unknown,
        }
    }
    Value::list(all)
}

fn of_text(text: &str, name: &str, arguments: &[Value]) -> Value {
    let parts = |value: Option<&Value>| match value {
        Some(Value::Text(part)) => vec![part.to_string()],
        Some(Value::List(items)) => items
            .borrow()
            .iter()
            .filter_map(|item| match item {
                Value::Text(text) => Some(text.to_string()),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    };
    let first = parts(arguments.first());
    match name {
        "endswith" => Value::Flag(first.iter().any(|part| text.ends_with(part.as_str()))),
        "startswith" => Value::Flag(first.iter().any(|part| text.starts_with(part.as_str()))),
        "lower" => Value::text(&text.to_lowercase()),
        "split" => {
            let sign = first.first().map_or(" ", String::as_str);
            Value::list(text.split(sign).map(Value::text).collect())
        }
        "replace" => match (first.first(), parts(arguments.get(1)).first()) {
            (Some(from), Some(to)) if !from.is_empty() => Value::text(&text.replace(from.as_str(), to)),
            _ => Value::Unknown,
        },
        "strip" => Value::text(text.trim()),
        "join" => Value::text(&first.join(text)),
        "format" => {
            let mut out = text.to_owned();
            for value in arguments {
                let shown = match value {
                    Value::Text(text) => text.to_string(),
                    Value::Number(number) => number.to_string(),
                    _ => return Value::Unknown,
                };
                out = out.replacen("{}", &shown, 1);
            }
            Value::Text(out.into())
        }
        _ => Value::Unknown,
    }
}
