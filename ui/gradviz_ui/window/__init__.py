"""The window itself: its bars, menus, dialogs and actions, and the arrangement of the panels in it."""
