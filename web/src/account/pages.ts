/** The pages before the door, which come to the browser together. */
export { ConfirmSignUp } from "./ConfirmSignUp";
export { EmailChange } from "./EmailChange";
export { Join } from "./Join";
export { PasswordReset } from "./PasswordReset";
export { Setup } from "./Setup";
export { SignIn } from "./SignIn";
export { SignUp } from "./SignUp";
