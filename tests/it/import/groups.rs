//! Parameter groups of other programs, as groups of ours.

use anneal_studio::experiment::{Decay, Experiment, Group, GroupRate, Model};
use anneal_studio::import::Imported;
use anneal_studio::schedule::{Clock, Span};

use super::{fixed, read};

const SCHEDULER: &str = "scheduler = CosineAnnealingLR(optimizer, T_max=1000)\n";

/// The groups, each as its pattern with what it has of its own.
fn groups(imported: &Imported) -> Vec<String> {
    let one = |group: &Group| {
        let mut shown = group.name().to_owned();
        match &group.lr {
            GroupRate::Factor(1.0) => {}
            GroupRate::Factor(factor) => shown.push_str(&format!(" x{factor}")),
            GroupRate::Schedule(own) => shown.push_str(&format!(" {}", own.kind.name())),
        }
        if let Some(decay) = group.weight_decay {
            shown.push_str(&format!(" decay {decay}"));
        }
        if group.freeze == Some(Span::Percent(100.0)) {
            shown.push_str(" frozen");
        }
        shown
    };
    imported.groups.iter().map(one).collect()
}

fn decay(imported: &Imported) -> f64 {
    fixed(imported.optimizer.as_ref().unwrap(), "weight_decay")
}

fn told(imported: &Imported) -> String {
    let unread = imported.unread.iter().filter(|it| it.matters).map(ToString::to_string);
    unread.chain(imported.notes.clone()).chain(imported.assumed.clone()).collect::<Vec<_>>().join("\n")
}

fn peak(imported: &Imported) -> f64 {
    imported.lr.resolve(Clock { updates: 1000, updates_per_epoch: 100 }).unwrap().range().1
}

/// No group of the text is left unsaid.
#[track_caller]
fn is_whole(imported: &Imported) {
    let matter: Vec<_> = imported.unread.iter().filter(|it| it.matters).collect();
    assert!(matter.is_empty(), "{matter:?}");
}

#[test]
fn parameters_with_and_without_decay_are_read_by_their_names_alone() {
    let imported = read(&format!(
        "optimizer = AdamW([{{\"params\": decay, \"weight_decay\": 0.1}}, {{\"params\": no_decay, \"weight_decay\": \
         0.0}}], lr=3e-4)\n{SCHEDULER}"
    ));
    assert_eq!((imported.decay, groups(&imported)), (Decay::Matrices, vec![]));
    assert_eq!((decay(&imported), peak(&imported)), (0.1, 3e-4));
    assert!(told(&imported).contains("`no_decay` was taken for what its name says"), "{}", told(&imported));
}

#[test]
fn nanogpts_rule_of_dimensions_is_followed() {
    let text = "class GPT(nn.Module):\n    def configure_optimizers(self, weight_decay, learning_rate, betas, device_type):\n        \
                param_dict = {pn: p for pn, p in self.named_parameters()}\n        \
                param_dict = {pn: p for pn, p in param_dict.items() if p.requires_grad}\n        \
                decay_params = [p for n, p in param_dict.items() if p.dim() >= 2]\n        \
                nodecay_params = [p for n, p in param_dict.items() if p.dim() < 2]\n        \
                optim_groups = [\n            {'params': decay_params, 'weight_decay': weight_decay},\n            \
                {'params': nodecay_params, 'weight_decay': 0.0}\n        ]\n        \
                num_decay_params = sum(p.numel() for p in decay_params)\n        \
                print(f\"num decayed parameter tensors: {len(decay_params)}\")\n        \
                use_fused = fused_available and device_type == 'cuda'\n        \
                extra_args = dict(fused=True) if use_fused else dict()\n        \
                optimizer = torch.optim.AdamW(optim_groups, lr=learning_rate, betas=betas, **extra_args)\n        \
                return optimizer\n\nmodel = GPT()\n\
                optimizer = model.configure_optimizers(1e-1, 6e-4, (0.9, 0.95), 'cuda')\n\
                scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=1000)\n";
    let imported = read(text);
    assert_eq!((imported.decay, groups(&imported)), (Decay::Matrices, vec![]));
    assert!(!told(&imported).contains("by its name"), "{}", told(&imported));
}

#[test]
fn lists_of_names_without_decay_are_followed() {
    for (names, expected, own) in [
        ("[\"bias\", \"LayerNorm.weight\"]", Decay::Matrices, vec![]),
        ("[\"bias\", \"layer_norm.weight\", \"layernorm\"]", Decay::Matrices, vec![]),
        ("['bias', 'gamma', 'beta']", Decay::Matrices, vec![]),
        ("[\"bias\"]", Decay::All, vec!["bias decay 0"]),
        ("[\"LayerNorm.weight\"]", Decay::All, vec!["*.gain decay 0"]),
        ("[\"bias\", \"LayerNorm\", \"embeddings\"]", Decay::Matrices, vec!["embedding decay 0"]),
    ] {
        let imported = read(&format!(
            "no_decay = {names}\nparam_optimizer = list(model.named_parameters())\noptimizer_grouped_parameters = [\n    \
             {{'params': [p for n, p in param_optimizer if not any(nd in n for nd in no_decay)], 'weight_decay': \
             0.01}},\n    {{'params': [p for n, p in param_optimizer if any(nd in n for nd in no_decay)], \
             'weight_decay': 0.0}}\n]\noptimizer = AdamW(optimizer_grouped_parameters, lr=2e-5)\n{SCHEDULER}"
        ));
        assert_eq!(
            (imported.decay, groups(&imported)),
            (expected, own.iter().map(|it| (*it).to_owned()).collect()),
            "{names}"
        );
        assert_eq!(decay(&imported), 0.01, "{names}");
        is_whole(&imported);
    }
}

#[test]
fn lists_that_a_loop_fills_are_followed() {
    let timm = "def add_decay(model, weight_decay=1e-5, skip=()):\n    decay, no_decay = [], []\n    \
                for name, param in model.named_parameters():\n        if not param.requires_grad:\n            continue\n        \
                if len(param.shape) == 1 or name.endswith(\".bias\") or name in skip:\n            no_decay.append(param)\n        \
                else:\n            decay.append(param)\n    \
                return [{'params': no_decay, 'weight_decay': 0.}, {'params': decay, 'weight_decay': weight_decay}]\n\
                parameters = add_decay(model, 0.05)\noptimizer = torch.optim.AdamW(parameters, lr=1e-3)\n";
    let imported = read(&format!("{timm}{SCHEDULER}"));
    assert_eq!((imported.decay, groups(&imported), decay(&imported)), (Decay::Matrices, vec![], 0.05));
    let sets = "decay, no_decay = set(), set()\nwhitelist = (torch.nn.Linear, )\nblacklist = (torch.nn.LayerNorm, \
                torch.nn.Embedding)\nfor mn, m in model.named_modules():\n    \
                for pn, p in m.named_parameters(recurse=False):\n        fpn = '%s.%s' % (mn, pn) if mn else pn\n        \
                if pn.endswith('bias'):\n            no_decay.add(fpn)\n        \
                elif pn.endswith('weight') and isinstance(m, whitelist):\n            decay.add(fpn)\n        \
                elif pn.endswith('weight') and isinstance(m, blacklist):\n            no_decay.add(fpn)\n\
                param_dict = {pn: p for pn, p in model.named_parameters()}\n\
                groups = [\n    {\"params\": [param_dict[pn] for pn in sorted(list(decay))], \"weight_decay\": 0.1},\n    \
                {\"params\": [param_dict[pn] for pn in sorted(list(no_decay))], \"weight_decay\": 0.0},\n]\n\
                optimizer = torch.optim.AdamW(groups, lr=3e-4, betas=(0.9, 0.95))\n";
    let imported = read(&format!("{sets}{SCHEDULER}"));
    assert_eq!((imported.decay, groups(&imported)), (Decay::Matrices, vec!["embedding decay 0".to_owned()]));
    assert_eq!(decay(&imported), 0.1);
}

#[test]
fn a_head_with_a_rate_of_its_own_is_a_group() {
    for parts in [
        "{'params': model.backbone.parameters()}, {'params': model.head.parameters(), 'lr': 1e-2}",
        "{'params': model.features.parameters()}, {'params': model.classifier.parameters(), 'lr': 1e-2}",
        "{'params': base_params}, {'params': model.fc.parameters(), 'lr': 1e-2}",
        "{'params': [p for n, p in model.named_parameters() if 'fc' not in n]}, \
         {'params': [p for n, p in model.named_parameters() if 'fc' in n], 'lr': 1e-2}",
        "{'params': filter(lambda p: id(p) not in ids, model.parameters())}, {'params': model.fc.parameters(), 'lr': 1e-2}",
    ] {
        let imported = read(&format!(
            "ids = list(map(id, model.fc.parameters()))\noptimizer = torch.optim.SGD([{parts}], lr=1e-3, \
             momentum=0.9)\n{SCHEDULER}"
        ));
        assert_eq!(groups(&imported), ["head x10"], "{parts}: {}", told(&imported));
        assert!((peak(&imported) - 1e-3).abs() < 1e-15, "{parts}");
        assert!(told(&imported).contains("2 groups of parameters"), "{}", told(&imported));
    }
}

#[test]
fn what_a_scheduler_gives_each_group_is_its_own() {
    let cycle = "optimizer = SGD([{'params': model.backbone.parameters()}, {'params': model.fc.parameters()}], lr=0.1)\n\
                 scheduler = OneCycleLR(optimizer, max_lr=[1e-3, 1e-2], total_steps=1000)\n";
    let imported = read(cycle);
    assert_eq!(groups(&imported), ["head x10"]);
    assert!((peak(&imported) - 1e-3).abs() < 1e-15);
    // A floor that both share is no factor.
    let floor = "optimizer = SGD([{'params': model.backbone.parameters()}, {'params': model.fc.parameters(), 'lr': 1.0}], \
                 lr=0.1)\nscheduler = CosineAnnealingLR(optimizer, T_max=1000, eta_min=1e-3)\n";
    let imported = read(floor);
    assert_eq!(groups(&imported), ["head cosine"]);
    let GroupRate::Schedule(own) = &imported.groups[0].lr else { panic!("{:?}", imported.groups) };
    let curve = own.resolve(Clock { updates: 1000, updates_per_epoch: 100 }).unwrap();
    assert_eq!((curve.at(0), curve.at(1000)), (1.0, 1e-3));
}

#[test]
fn rates_that_fall_from_layer_to_layer_are_layer_decay() {
    let bert = "lr, groups = 2e-5, []\ngroups.append({'params': model.classifier.parameters(), 'lr': lr})\n\
                for i in reversed(range(12)):\n    lr = lr * 0.9\n    \
                groups.append({'params': model.bert.encoder.layer[i].parameters(), 'lr': lr})\n\
                groups.append({'params': model.bert.embeddings.parameters(), 'lr': lr * 0.9})\n\
                optimizer = AdamW(groups, lr=2e-5, weight_decay=0.01)\n";
    let imported = read(&format!("{bert}{SCHEDULER}"));
    assert_eq!((imported.layer_decay, groups(&imported)), (Some(0.9), vec![]), "{}", told(&imported));
    assert!((peak(&imported) - 2e-5).abs() < 1e-18);
    is_whole(&imported);
    let resnet = "groups = [\n    {'params': model.layer1.parameters(), 'lr': 1e-3 / 8},\n    \
                  {'params': model.layer2.parameters(), 'lr': 1e-3 / 4},\n    \
                  {'params': model.layer3.parameters(), 'lr': 1e-3 / 2},\n    \
                  {'params': model.layer4.parameters(), 'lr': 1e-3},\n    {'params': model.fc.parameters(), 'lr': 2e-3},\n]\n\
                  optimizer = torch.optim.Adam(groups)\n";
    let imported = read(&format!("{resnet}{SCHEDULER}"));
    assert_eq!(imported.layer_decay, Some(0.5), "{}", told(&imported));
    assert!((peak(&imported) - 2e-3).abs() < 1e-15);
    // What is no fixed share is a group a layer.
    let uneven = resnet.replace("1e-3 / 4", "1e-4");
    let imported = read(&format!("{uneven}{SCHEDULER}"));
    assert_eq!(imported.layer_decay, None);
    assert!(groups(&imported).iter().any(|group| group.starts_with("layer 2 x")), "{:?}", groups(&imported));
}

#[test]
fn libraries_functions_of_groups_are_known() {
    let cases = [
        ("timm.optim.param_groups_weight_decay(model, 0.05)", None),
        ("optim_factory.add_weight_decay(model, 0.05)", None),
        ("param_groups_layer_decay(model, weight_decay=0.05, layer_decay=0.65)", Some(0.65)),
        ("lrd.param_groups_lrd(model, 0.05, no_weight_decay_list=[], layer_decay=0.75)", Some(0.75)),
    ];
    for (made, layers) in cases {
        let imported = read(&format!(
            "import timm\nparameters = {made}\noptimizer = torch.optim.AdamW(parameters, lr=1e-3)\n{SCHEDULER}"
        ));
        assert_eq!(
            (imported.decay, imported.layer_decay),
            (Decay::Matrices, layers),
            "{made}: {}",
            told(&imported)
        );
        assert_eq!((decay(&imported), groups(&imported)), (0.05, vec![]), "{made}");
    }
}

#[test]
fn what_is_frozen_stays_frozen() {
    let text = "for param in model.parameters():\n    param.requires_grad = False\n\
                for param in model.fc.parameters():\n    param.requires_grad = True\n\
                optimizer = SGD(filter(lambda p: p.requires_grad, model.parameters()), lr=0.1)\n";
    let imported = read(&format!("{text}{SCHEDULER}"));
    assert_eq!(groups(&imported), ["head", "* frozen"], "{}", told(&imported));
    let text = "model.embeddings.requires_grad_(False)\noptimizer = AdamW(model.parameters(), lr=1e-3)\n";
    let imported = read(&format!("{text}{SCHEDULER}"));
    assert_eq!(groups(&imported), ["embedding frozen"], "{}", told(&imported));
}

#[test]
fn what_cannot_be_mapped_is_said_with_its_name_and_line() {
    let text = "optimizer = Adam([\n    {'params': model.rnn.parameters(), 'lr': 1e-3},\n    \
                {'params': model.attention.parameters(), 'lr': 1e-4, 'betas': (0.8, 0.9)},\n    \
                {'params': model.head.parameters(), 'lr': 1e-2},\n])\n";
    let imported = read(&format!("{text}{SCHEDULER}"));
    let said = told(&imported);
    assert!(said.contains("the group model.rnn.parameters() (line 2) was taken for everything"), "{said}");
    assert_eq!(groups(&imported), ["head x10"], "{said}");
    assert!(said.contains("line 3: the parameters of the group model.attention.parameters()"), "{said}");
    assert!(said.contains("line 3: betas of the group"), "{said}");
    let text = "optimizer = Adam([{'params': p, 'lr': rate_of(p)} for p in model.parameters()], lr=1e-3)\n";
    let said = told(&read(&format!("{text}{SCHEDULER}")));
    assert!(said.contains("the lr of the group"), "{said}");
}

#[test]
fn a_program_that_never_ends_its_groups_is_left_alone() {
    let text = "groups = []\nfor a in range(20000):\n    for b in range(20000):\n        groups.append({'params': \
                model.parameters()})\noptimizer = Adam(groups, lr=1e-3)\n";
    let imported = read(&format!("{text}{SCHEDULER}"));
    assert!(told(&imported).contains("which take too long to follow"), "{}", told(&imported));
}

#[test]
fn frameworks_that_spare_biases_and_norms_are_read_so() {
    for text in [
        "args = TrainingArguments(output_dir=\"out\", learning_rate=2e-5, weight_decay=0.01, max_steps=1000)\n",
        "python train.py /data --model resnet50 --sched cosine --lr 0.5 --epochs 100 --opt adamw --weight-decay 0.05\n",
        "torchrun main_dino.py --arch vit_small --lr 0.0005 --warmup_epochs 10 --min_lr 1e-6 --epochs 100 \
         --momentum_teacher 0.996 --weight_decay 0.04\n",
        "batch_size = 12\nblock_size = 1024\nlearning_rate = 6e-4\nmax_iters = 600000\nlr_decay_iters = 600000\n\
         warmup_iters = 2000\nmin_lr = 6e-5\nweight_decay = 1e-1\n",
    ] {
        assert_eq!(read(text).decay, Decay::Matrices, "{text}");
    }
    let undecayed = "args = TrainingArguments(output_dir=\"out\", learning_rate=2e-5, max_steps=1000)\n";
    assert_eq!(read(undecayed).decay, Decay::All);
    let all = "python train.py /data --sched cosine --lr 0.5 --epochs 100 --opt adamw --weight-decay 0.05 --opt-kwargs \
               filter_bias_and_bn=False\n";
    assert_eq!(read(all).decay, Decay::All);
    let layers = "python run_class_finetuning.py --model beit_base --layer_decay 0.65 --drop_path 0.1 --lr 4e-3 --update_freq \
                  4 --warmup_epochs 20 --epochs 100 --weight_decay 0.05\n";
    let imported = read(layers);
    assert_eq!((imported.decay, imported.layer_decay), (Decay::Matrices, Some(0.65)));
}

#[test]
fn configurations_that_name_parts_of_a_model_are_read() {
    let torchvision = "torchrun train.py --model resnet50 --lr 0.5 --epochs 600 --lr-scheduler cosineannealinglr \
                       --lr-warmup-epochs 5 --lr-warmup-method linear --weight-decay 2e-5";
    let imported = read(&format!("{torchvision} --norm-weight-decay 0.0\n"));
    assert_eq!((imported.decay, groups(&imported)), (Decay::All, vec!["norm decay 0".to_owned()]));
    let imported = read(&format!("{torchvision} --norm-weight-decay 0 --bias-weight-decay 0\n"));
    assert_eq!((imported.decay, groups(&imported)), (Decay::Matrices, vec![]));
    let mmlab = "optim_wrapper = dict(optimizer=dict(type='AdamW', lr=1e-4, weight_decay=0.05), paramwise_cfg=dict(\n    \
                 norm_decay_mult=0.0, custom_keys={'backbone': dict(lr_mult=0.1), 'query_embed': \
                 dict(decay_mult=0.0)}))\nparam_scheduler = [dict(type='MultiStepLR', begin=0, end=36, by_epoch=True, \
                 milestones=[27], gamma=0.1)]\ntrain_cfg = dict(by_epoch=True, max_epochs=36)\n";
    let imported = read(mmlab);
    assert_eq!(
        groups(&imported),
        ["embedding decay 0", "norm decay 0", "head", "* x0.1"],
        "{}",
        told(&imported)
    );
    let keras = "optimizer = keras.optimizers.AdamW(learning_rate=keras.optimizers.schedules.CosineDecay(1e-3, 1000), \
                 weight_decay=0.01)\noptimizer.exclude_from_weight_decay(var_names=[\"bias\", \"gamma\", \"beta\"])\n";
    assert_eq!(read(keras).decay, Decay::Matrices);
    let fastai = "from fastai.vision.all import *\nlearn = vision_learner(dls, resnet34)\nlearn.fit_one_cycle(10, slice(1e-3))\n";
    let imported = read(fastai);
    assert_eq!((groups(&imported), peak(&imported)), (vec!["head".to_owned(), "* x0.1".to_owned()], 1e-3));
}

#[test]
fn optax_masks_and_labels_are_read() {
    let schedule = "import optax\nschedule = optax.cosine_decay_schedule(1e-3, 1000)\n";
    for mask in [
        "lambda params: jax.tree.map(lambda p: p.ndim > 1, params)",
        "lambda params: jax.tree_util.tree_map_with_path(lambda path, _: path[-1].key not in (\"bias\", \"scale\"), params)",
    ] {
        let imported =
            read(&format!("{schedule}tx = optax.adamw(schedule, weight_decay=0.1, mask={mask})\n"));
        assert_eq!((imported.decay, decay(&imported)), (Decay::Matrices, 0.1), "{mask}");
    }
    let labels = format!(
        "{schedule}tx = optax.multi_transform({{'head': optax.adam(1e-2), 'body': optax.adam(1e-3), 'embedding': \
         optax.set_to_zero()}}, labels)\n"
    );
    let imported = read(&labels);
    assert_eq!(groups(&imported), ["embedding frozen", "head x10"], "{}", told(&imported));
    assert!((peak(&imported) - 1e-3).abs() < 1e-15);
    let own = format!(
        "{schedule}tx = optax.multi_transform({{'head': optax.adam(schedule), 'body': optax.adam(1e-3)}}, labels)\n"
    );
    assert!(told(&read(&own)).contains("the rate of the label head, which is a schedule of its own"));
}

#[test]
fn groups_that_a_model_has_nothing_of_are_left_out_and_said() {
    let imported = read(&format!(
        "optimizer = AdamW([{{'params': model.embeddings.parameters(), 'lr': 1e-4}}, {{'params': model.encoder.parameters()}}, \
         {{'params': model.head.parameters(), 'lr': 1e-2}}], lr=1e-3)\n{SCHEDULER}"
    ));
    assert_eq!(groups(&imported), ["head x10", "embedding x0.1"], "{}", told(&imported));
    let text = super::super::groups::moons(
        "optimizer = { kind = \"sgd\" }\nlr = { kind = \"constant\", peak = 0.1 }\n",
    );
    let experiment = Experiment::parse(&text, "e.toml").unwrap();
    let model: &Model = &experiment.model;
    let (run, said) = imported.run_on(&experiment.runs[0].optimizer, model);
    assert_eq!(run.groups.iter().map(Group::name).collect::<Vec<_>>(), ["head"]);
    assert_eq!(said.len(), 1);
    assert!(said[0].starts_with("the group \"embedding\" was left out"), "{said:?}");
}
