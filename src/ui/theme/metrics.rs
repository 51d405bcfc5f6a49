//! Sizes in points, on a grid of four.

/// Two text sizes, and one for numbers.
pub const TEXT: f32 = 13.0;
pub const TEXT_SMALL: f32 = 11.0;
pub const TEXT_NUMBER: f32 = 12.0;
/// Of a number that a whole panel is about.
pub const TEXT_LARGE: f32 = 18.0;

/// Distances.
pub const XS: f32 = 4.0;
pub const S: f32 = 8.0;
pub const M: f32 = 12.0;
pub const L: f32 = 16.0;
pub const XL: f32 = 24.0;

/// The same distances for frames, which count in whole points.
pub const MARGIN_XS: i8 = 4;
pub const MARGIN_S: i8 = 8;
pub const MARGIN_M: i8 = 12;
pub const MARGIN_L: i8 = 16;

/// Corners.
pub const RADIUS: u8 = 4;
pub const RADIUS_LARGE: u8 = 8;

/// Lines.
pub const HAIRLINE: f32 = 1.0;
pub const CURVE: f32 = 2.0;
pub const CURVE_FAINT: f32 = 1.0;
pub const DASH: f32 = 5.0;
pub const DASH_GAP: f32 = 4.0;

/// How long a change of state takes to show, in seconds.
pub const MOTION: f32 = 0.12;

/// Anything that can be clicked is at least this high.
pub const CONTROL: f32 = 24.0;
/// A square button with an icon.
pub const ICON_BUTTON: f32 = 28.0;
pub const ICON: f32 = 14.0;

/// The bars around the plots.
pub const TOP_BAR: f32 = 48.0;
pub const TIMELINE: f32 = 64.0;
pub const LEFT: f32 = 304.0;
pub const LEFT_MIN: f32 = 280.0;
pub const LEFT_MAX: f32 = 440.0;
pub const RIGHT: f32 = 320.0;
pub const RIGHT_MIN: f32 = 260.0;
pub const RIGHT_MAX: f32 = 960.0;
/// For panels with pictures.
pub const RIGHT_WIDE: f32 = 480.0;
/// The least width that panels leave to the plots between them.
pub const PLOTS: f32 = 380.0;
/// In a panel this wide two small plots stand side by side.
pub const TWO_PLOTS: f32 = 360.0;
/// What is left of the context panel when it is folded away.
pub const RIGHT_FOLDED: f32 = 36.0;

/// A run in the list.
pub const RUN_ROW: f32 = 48.0;
pub const CHIP: f32 = 10.0;
pub const SPARKLINE: f32 = 56.0;
/// The loss in a run's second line, with its caption and the gap before it.
pub const RUN_LOSS: f32 = 90.0;
/// A column of numbers in a table.
pub const COLUMN: f32 = 60.0;
/// A row of the inspector: label, slider, value.
pub const FIELD_LABEL: f32 = 84.0;
pub const FIELD_VALUE: f32 = 72.0;
pub const FIELD_UNIT: f32 = 64.0;
pub const SLIDER_RAIL: f32 = 4.0;

/// A schedule's picture in the picker.
pub const CARD_WIDTH: f32 = 116.0;
pub const CARD_HEIGHT: f32 = 68.0;

/// Plots.
pub const AXIS_WIDTH: f32 = 52.0;
pub const PLOT_HEADER: f32 = 24.0;
pub const PLOT_MIN: f32 = 72.0;
pub const GRID_STEP: f32 = 72.0;
pub const HANDLE: f32 = 5.0;
pub const HANDLE_HOT: f32 = 7.0;
/// How far from a handle's centre the pointer takes hold of it.
pub const HANDLE_GRAB: f32 = 12.0;
/// A drag moves a coordinate only once the pointer has left its place by this much.
pub const HANDLE_DEAD_ZONE: f32 = 4.0;
pub const MARKER: f32 = 3.5;
pub const READOUT_WIDTH: f32 = 424.0;
/// The values at the cursor without the lines of runs.
pub const READOUT_HEAD: f32 = 72.0;
/// The plot of an export.
pub const COMPARISON: f32 = 152.0;
/// The plot of a range test.
pub const SWEEP: f32 = 240.0;

/// The bar of a colour map.
pub const COLOR_BAR: f32 = 10.0;
/// What stands below a landscape.
pub const BELOW_PICTURE: f32 = 180.0;

/// Menus.
pub const MENU: f32 = 224.0;
pub const SIDE_PANELS: f32 = 560.0;
pub const SIDE_PANELS_SHORT: f32 = 200.0;
/// A panel in the list of them: its name and its sentence.
pub const SIDE_PANEL: f32 = 36.0;

/// What stands after the name in the bar at the top.
pub const TOP_BAR_REST: f32 = 760.0;

/// The command palette, and how high its list is.
pub const PALETTE: f32 = 640.0;
pub const PALETTE_LIST: f32 = 360.0;

/// The gallery: its size, that of an example's card at least, and the picture on it.
pub const GALLERY: [f32; 2] = [1120.0, 760.0];
pub const EXAMPLE: [f32; 2] = [280.0, 220.0];
pub const EXAMPLE_PICTURE: f32 = 92.0;

/// The presenter: a window of this size shows things at their own size, a larger one shows them larger.
pub const PRESENTED: [f32; 2] = [840.0, 500.0];
/// The ring around the pointer there.
pub const POINTER: f32 = 18.0;

/// Dialog sheets.
pub const SHEET: f32 = 440.0;
/// A field for a pasted text.
pub const PASTE_ROWS: usize = 10;
pub const PASTE: f32 = 168.0;
/// What an import says of itself.
pub const NOTES: f32 = 144.0;
/// Short messages at the edge of the window.
pub const TOAST: f32 = 320.0;

/// The smallest window everything fits into.
pub const WINDOW_MIN: [f32; 2] = [960.0, 600.0];
/// The window at first start.
pub const WINDOW: [f32; 2] = [1440.0, 900.0];
