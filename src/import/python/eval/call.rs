//! Calls: of the program's functions, of its classes, and of what is built in.

use std::rc::Rc;

use super::super::tree::{Call, Class, Expr, Function, StmtKind};
use super::super::{Bound, Program};
use super::run::Flow;
use super::{Callable, Done, Frame, Machine, Object, Value, builtin};

/// What a call costs beside its steps.
const COST: usize = 10;

/// A method of a class of the program, or of one it is made from.
pub(super) fn method(program: &Program, class: &str, name: &str) -> Option<Rc<Function>> {
    let mut class: &Rc<Class> = program.class(class)?;
    for _ in 0..8 {
        let own = class.body.iter().find_map(|stmt| match &stmt.kind {
            StmtKind::Def(function) if function.name == name => Some(Rc::clone(function)),
            _ => None,
        });
        if own.is_some() {
            return own;
        }
        class = class.bases.iter().find_map(|base| match base {
            Expr::Name(base) => program.class(base),
            _ => None,
        })?;
    }
    None
}

impl Machine<'_> {
    /// What a call that stands in an expression gives.
    pub(super) fn called(&mut self, call: &Call, frame: usize, line: usize) -> Done<Value> {
        self.burn(COST)?;
        let mut arguments = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            arguments.push(self.eval(argument, frame, line)?);
        }
        let mut named = Vec::with_capacity(call.named.len());
        for (name, value) in &call.named {
            named.push((name.clone(), self.eval(value, frame, line)?));
        }
        // A method of a value.
        if let Some(of) = &call.callee {
            let holder = self.eval(of, frame, line)?;
            if call.name.is_empty() {
                return self.apply_or_opaque(&holder, arguments, named, call);
            }
            return self.method_of(&holder, call, arguments, named, line);
        }
        let path = call.path.as_str();
        if let Some(value) = self.local(path, frame).cloned() {
            return self.apply_or_opaque(&value, arguments, named, call);
        }
        if let Some((holder, name)) = path.rsplit_once('.')
            && let Some(first) = holder.split('.').next()
            && self.local(first, frame).is_some()
        {
            let value = self.name(holder, frame, line)?;
            let _ = name;
            return self.method_of(&value, call, arguments, named, line);
        }
        let whole = self.program.imported(path);
        if let Some(class) = self.program.class(path) {
            let class = class.name.clone();
            return self.construct(&class, arguments, named);
        }
        match self.program.bound(path, line) {
            Some((Bound::Function(function), _)) => {
                let function = Rc::clone(function);
                let callable = Callable { function, frame: None, this: None, bound: Rc::default() };
                return self.call(&callable, arguments, named);
            }
            Some((Bound::Value(_) | Bound::Default(_), _)) => {
                let value = self.outside(path, line)?;
                if !matches!(value, Value::Opaque(_)) {
                    return self.apply_or_opaque(&value, arguments, named, call);
                }
            }
            _ => {}
        }
        if path == "dict" && arguments.is_empty() {
            let entries = named.into_iter().map(|(name, value)| (Value::Text(name.into()), value));
            return Ok(Value::Table(Rc::new(entries.collect())));
        }
        if path == "super" {
            return Ok(Value::opaque("super()"));
        }
        if call.name == "partial" && !arguments.is_empty() {
            return Ok(partial(&arguments, named));
        }
        match builtin::call(self, &whole, path, &arguments, &named)? {
            Some(value) => Ok(value),
            None => {
                // `config.get("lr", 0.1)` of what is not known.
                if let (Some((holder, "get")), Some(Value::Text(key))) =
                    (path.rsplit_once('.'), arguments.first())
                {
                    let found = self.outside(&format!("{holder}.{key}"), line)?;
                    return Ok(match (&found, arguments.get(1)) {
                        (Value::Opaque(_), Some(otherwise)) => {
                            self.program.note(format!(
                                "{path}(\"{key}\") was taken as its default, {}",
                                call.arguments.get(1).map(Expr::shown).unwrap_or_default()
                            ));
                            otherwise.clone()
                        }
                        _ => found,
                    });
                }
                Ok(Value::unknown(&Expr::Call(Box::new(call.clone()))))
            }
        }
    }

    fn apply_or_opaque(
        &mut self,
        value: &Value,
        arguments: Vec<Value>,
        named: Vec<(String, Value)>,
        call: &Call,
    ) -> Done<Value> {
        match value {
            Value::Function(callable) => self.call(&callable.clone(), arguments, named),
            Value::Object(_) => match self.attribute(value, "__call__", call.line)? {
                Value::Function(callable) => self.call(&callable, arguments, named),
                _ => Ok(Value::opaque(&call.name)),
            },
            _ => Ok(Value::unknown(&Expr::Call(Box::new(call.clone())))),
        }
    }

    /// What a method of a value gives.
    fn method_of(
        &mut self,
        holder: &Value,
        call: &Call,
        arguments: Vec<Value>,
        named: Vec<(String, Value)>,
        line: usize,
    ) -> Done<Value> {
        Ok(match (holder, call.name.as_str()) {
            (Value::Object(_), name) => match self.attribute(holder, name, line)? {
                Value::Function(callable) => self.call(&callable, arguments, named)?,
                _ => Value::unknown(&Expr::Call(Box::new(call.clone()))),
            },
            (Value::Table(pairs), "get") => {
                let found = arguments
                    .first()
                    .and_then(|key| pairs.iter().rev().find(|(found, _)| found.equals(key) == Some(true)));
                match found {
                    Some((_, value)) => value.clone(),
                    None => arguments.get(1).cloned().unwrap_or(Value::None),
                }
            }
            (Value::Table(pairs), "items") => Value::List(Rc::new(
                pairs
                    .iter()
                    .map(|(key, value)| Value::List(Rc::new(vec![key.clone(), value.clone()])))
                    .collect(),
            )),
            (Value::Table(pairs), "keys") => {
                Value::List(Rc::new(pairs.iter().map(|(key, _)| key.clone()).collect()))
            }
            (Value::Group, "update") => {
                let given = named.iter().find(|(name, _)| name == "lr").map(|(_, value)| value.clone());
                if let Some(rate) = given {
                    self.rate_is(&rate);
                }
                Value::None
            }
            (Value::Group, "get") => match arguments.first().and_then(Value::text) {
                Some(key) => match self.of_group(key) {
                    Value::Opaque(_) => arguments.get(1).cloned().unwrap_or(Value::None),
                    value => value,
                },
                None => Value::opaque("param_group"),
            },
            (Value::Text(text), "lower") => Value::Text(text.to_lowercase().into()),
            // Of one number, what arrays have.
            (Value::Number(_), "item" | "numpy" | "astype" | "copy" | "detach" | "cpu") => holder.clone(),
            _ => Value::unknown(&Expr::Call(Box::new(call.clone()))),
        })
    }

    /// Runs a function of the program.
    pub(super) fn call(
        &mut self,
        callable: &Callable,
        arguments: Vec<Value>,
        named: Vec<(String, Value)>,
    ) -> Done<Value> {
        self.burn(COST)?;
        let function = Rc::clone(&callable.function);
        let mut variables: Vec<(String, Value)> = Vec::with_capacity(function.parameters.len());
        let mut places = function.parameters.iter();
        if let Some(this) = callable.this
            && let Some(first) = places.next()
        {
            variables.push((first.name.clone(), Value::Object(this)));
        }
        let given = callable.bound.0.iter().cloned().chain(arguments);
        for (parameter, value) in places.zip(given) {
            variables.push((parameter.name.clone(), value));
        }
        for (name, value) in callable.bound.1.iter().cloned().chain(named) {
            match variables.iter_mut().find(|(found, _)| *found == name) {
                Some((_, held)) => *held = value,
                None => variables.push((name, value)),
            }
        }
        for parameter in &function.parameters {
            if variables.iter().any(|(found, _)| *found == parameter.name) {
                continue;
            }
            let value = match &parameter.default {
                Some(default) => self.eval(default, callable.frame.unwrap_or(0), function.line)?,
                // What the program's own call gives, if it says.
                None => self.outside(&parameter.name, function.line)?,
            };
            variables.push((parameter.name.clone(), value));
        }
        let frame = self.frames.len();
        let made = self.made;
        self.frames.push(Frame { variables, outer: callable.frame });
        let flow = self.body(&function.body, frame);
        // Functions that were made here may still need the frame.
        if self.made == made {
            self.frames.truncate(frame);
        }
        match flow? {
            Flow::Return(value) => Ok(value),
            _ => Ok(Value::None),
        }
    }

    pub(super) fn construct(
        &mut self,
        class: &str,
        arguments: Vec<Value>,
        named: Vec<(String, Value)>,
    ) -> Done<Value> {
        self.burn(5 * COST)?;
        let at = self.objects.len();
        self.objects.push(Object { class: class.to_owned(), attributes: Vec::new() });
        if let Some(function) = method(self.program, class, "__init__") {
            let callable = Callable { function, frame: None, this: Some(at), bound: Rc::default() };
            self.call(&callable, arguments, named)?;
        } else {
            // The fields of a dataclass.
            for (name, value) in named {
                self.set_attribute(&Value::Object(at), &name, value);
            }
        }
        Ok(Value::Object(at))
    }
}

fn partial(arguments: &[Value], named: Vec<(String, Value)>) -> Value {
    let Some((Value::Function(callable), rest)) = arguments.split_first() else {
        return Value::opaque("partial(…)");
    };
    let mut bound = (*callable.bound).clone();
    bound.0.extend(rest.iter().cloned());
    bound.1.extend(named);
    Value::Function(Callable { bound: Rc::new(bound), ..callable.clone() })
}
