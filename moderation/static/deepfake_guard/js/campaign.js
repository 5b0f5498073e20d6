/* How many are ticked, beside the heading; the number itself is the person's to type. */
const form = document.getElementById("campaign");
const say = () => {
  form.querySelector("[data-ticked]").textContent = form.querySelectorAll("[name=case]:checked").length;
};
form?.addEventListener("change", say);
if (form) say();
