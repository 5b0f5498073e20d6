/* Loaded in the head, before the first paint: the toggle of the theme (the server writes data-theme from the same cookie),
   and an ear for early keys. */
(() => {
  /* keys pressed while the other scripts are on their way: desk.js answers them, and takes over */
  window.guardEarlyKeys = [];
  document.addEventListener("keydown", (event) => window.guardEarlyKeys?.push(event));

  const root = document.documentElement;
  const isDark = () =>
    (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-toggle]")) return;
    root.dataset.theme = isDark() ? "light" : "dark";
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `guard_theme=${root.dataset.theme}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  });
})();
